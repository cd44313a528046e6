//! What is granted on the command line: to every module that asks for it, or to the one that is named.

use wasaga_sandbox::{Addresses, Grants, Origin};

/// `--grant [MODULE:]http:ORIGIN` or `--grant [MODULE:]address:ADDRESS`.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// None for every module.
    pub(super) module: Option<String>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Http(Origin),
    Address(Addresses),
}

impl Grant {
    /// Adds it to what is granted.
    pub(super) fn add_to(&self, grants: &mut Grants) {
        match &self.what {
            What::Http(origin) => grants.http.push(origin.clone()),
            What::Address(addresses) => grants.addresses.push(addresses.clone()),
        }
    }
}

impl std::str::FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let what = |text: &str| match text.split_once(':') {
            Some(("http", origin)) => Some(origin.parse().map(What::Http).map_err(|error| format!("{error}"))),
            Some(("address", addresses)) => {
                Some(addresses.parse().map(What::Address).map_err(|error| format!("{error}")))
            }
            _ => None,
        };
        let of_module = || {
            let (module, rest) = text.split_once(':').filter(|(module, _)| !module.is_empty())?;
            Some((module, what(rest)?))
        };
        match (what(text), of_module()) {
            (Some(what), _) => Ok(Self { module: None, what: what? }),
            (None, Some((module, what))) => Ok(Self { module: Some(module.into()), what: what? }),
            (None, None) => {
                Err("write `http:ORIGIN`, such as `http:https://api.example.com`, or `address:127.0.0.1:8080`; \
                                 for one module, `shop:http:https://api.example.com`"
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_typed_for_all_or_for_one() {
        let read = |text: &str| text.parse::<Grant>().map(|grant| grant.module);
        assert_eq!(read("http:https://a.example"), Ok(None));
        assert_eq!(read("address:127.0.0.1:80"), Ok(None));
        assert_eq!(read("shop:http:https://a.example"), Ok(Some("shop".into())));
        assert_eq!(read("web-shop:address:[::1]:80"), Ok(Some("web-shop".into())));
        for wrong in
            ["", "http:a.example", "address:localhost", "https://a.example", "file:/", ":http:https://a.example"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
