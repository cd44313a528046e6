//! Origins (RFC 6454): what a module asks for, what an operator grants, and where a request goes. They are
//! compared by scheme, host and port, and nothing else is part of them.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

/// `https://api.example.com`, `https://*.example.com:8443` for every name below `example.com`, or
/// `http://localhost:*` for every port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    secure: bool,
    /// In lower case; without `*.` where it is a pattern.
    host: String,
    /// Whether it is any name below the host, and not the host itself.
    below: bool,
    /// None for every port.
    port: Option<u16>,
}

/// Text that is no origin, and what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin (write one as `https://api.example.com`, `https://*.example.com:8443` or `http://localhost:*`)"
)]
pub struct InvalidOrigin(String);

impl Origin {
    /// Where a request goes; none where it names no host, or a user.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        // Whoever reads `https://granted@elsewhere` is misled.
        if authority.as_str().contains('@') {
            return None;
        }
        // Without a user it is the host, and what follows is the port. What is written there and is no port is
        // not the usual one either.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => {
                if secure {
                    443
                } else {
                    80
                }
            }
            _ => authority.port_u16()?,
        };
        // A dot at the end names the same host.
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        (!host.is_empty() && port != 0).then_some(Self { secure, host, below: false, port: Some(port) })
    }

    /// Whether this, which may be a pattern, has the other in it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let host = if self == other {
            true
        } else if self.below {
            other.host.strip_suffix(&*self.host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            !other.below && self.host == other.host
        };
        host && self.secure == other.secure && (self.port.is_none() || self.port == other.port)
    }
}

impl Origin {
    /// Whether it names one origin, and no pattern.
    pub(crate) fn is_exact(&self) -> bool {
        !self.below && self.port.is_some()
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether what is sent there does not leave the machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let is_local = host == "localhost" || host.ends_with(".localhost");
        is_local || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

/// A URI as logs and failures may show it: without its user, its path and its query, each of which may be a secret.
pub(crate) fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("?");
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}", uri.host().unwrap_or_default())
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.into());
        let (scheme, rest) = text.split_once("://").ok_or_else(invalid)?;
        let (below, rest) = rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        let (any_port, rest) = rest.strip_suffix(":*").map_or((false, rest), |rest| (true, rest));
        let uri: Uri = format!("{scheme}://{rest}").parse().map_err(|_| invalid())?;
        let plain = matches!(uri.path(), "" | "/") && uri.query().is_none() && !rest.contains('#');
        let origin = Self::of(&uri).filter(|origin| plain && !origin.host.contains('*')).ok_or_else(invalid)?;
        // Every name below a single word, such as `com`, is more than anybody means.
        if below && !origin.host.contains('.') {
            return Err(invalid());
        }
        let port = if any_port { None } else { origin.port };
        Ok(Self { below, port, ..origin })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.secure { ("https", 443) } else { ("http", 80) };
        let below = if self.below { "*." } else { "" };
        write!(f, "{scheme}://{below}{}", self.host)?;
        match self.port {
            None => f.write_str(":*"),
            Some(port) if port == usual => Ok(()),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn origins_are_read_and_written() {
        for text in [
            "https://api.example.com",
            "http://localhost:8080",
            "https://*.example.com:8443",
            "http://[::1]:9",
            "http://localhost:*",
        ] {
            assert_eq!(origin(text).to_string(), text);
        }
        assert_eq!(origin("HTTPS://API.example.COM:443/").to_string(), "https://api.example.com");
        assert_eq!(origin("http://example.com."), origin("http://example.com"));
        let wrong = [
            "",
            "api.example.com",
            "ftp://a.b",
            "https://",
            "https://a.b/path",
            "https://a.b?q",
            "https://u@a.b",
            "https://*.com",
            "https://a.*.b",
            "https://*",
            "https://a.b:0",
            "https://a.b:99999",
            "https://a b",
        ];
        for text in wrong {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let uri: Uri = "http://me:passw0rd@a.example:81/t0ken?key=s3cr3t".parse().unwrap();
        assert_eq!(shown(&uri), "http://a.example:81");
        assert_eq!(shown(&"/t0ken?key=s3cr3t".parse().unwrap()), "?://");
    }

    #[test]
    fn loopback_is_known_however_it_is_written() {
        for text in [
            "http://localhost:1",
            "http://a.localhost",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(origin(text).is_loopback(), "{text}");
        }
        for text in ["http://localhost.example", "http://10.0.0.1", "http://[::2]"] {
            assert!(!origin(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn scheme_host_and_port_all_count() {
        let granted = origin("https://api.example.com");
        assert!(granted.covers(&origin("https://API.example.com:443")));
        for other in [
            "http://api.example.com:443",
            "https://api.example.com:444",
            "https://example.com",
            "https://xapi.example.com",
        ] {
            assert!(!granted.covers(&origin(other)), "{other}");
        }
        let local = origin("http://localhost:*");
        assert!(
            local.covers(&origin("http://localhost:1"))
                && local.covers(&local)
                && !local.covers(&origin("https://localhost"))
        );
        assert!(!origin("http://localhost:1").covers(&local));
        let below = origin("https://*.example.com");
        assert!(below.covers(&origin("https://a.example.com")) && below.covers(&origin("https://a.b.example.com")));
        for other in ["https://example.com", "https://badexample.com", "https://example.com.evil.org"] {
            assert!(!below.covers(&origin(other)), "{other}");
        }
    }
}
