//! The types that the macros know by their last word. Whether they are ours is looked at by the compiler.

use crate::call::Call;
use crate::forward::Forward;

/// Ours alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `wasaga::Call`, though a parameter of a type with that name is the call",
    note = "if it is an argument, say where it comes from: `#[from(input, at = \"/…\")]`, or any other source"
)]
pub trait IsCall {}
impl IsCall for Call {}

/// Refuses what is not ours.
pub const fn is_call<T: IsCall + ?Sized>() {}

/// Ours alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `wasaga::Forward`, though a parameter of a type with that name is what is known of what \
               was done",
    note = "if it is an argument, say where it comes from: `#[from(input, at = \"/…\")]`, or any other source"
)]
pub trait IsForward {}
impl IsForward for Forward {}

/// Refuses what is not ours.
pub const fn is_forward<T: IsForward + ?Sized>() {}
