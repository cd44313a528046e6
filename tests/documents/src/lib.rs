//! Nothing: the tests beside it are all that is here.
