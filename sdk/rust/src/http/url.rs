//! URLs as they go out: what is no part of one, such as a space or a letter beyond ASCII, is encoded. A URL that makes no
//! sense is refused, and is shown by its scheme and host alone, for the rest may hold what nobody should read.

/// What stands in a path as it is (RFC 3986, 3.3), and `%`, for what is encoded already.
const PATH: &[u8] = b"/%:@!$&'()*+,;=-._~";
/// What stands in a query as it is (RFC 3986, 3.4).
const QUERY: &[u8] = b"?/%:@!$&'()*+,;=-._~";
/// What stands as it is in a name or a value of a query.
const PAIR: &[u8] = b"-._~";
/// What no host's name has, and would be read as something else by somebody.
const NO_HOST: &[char] = &[' ', '<', '>', '\\', '^', '`', '{', '|', '}', '%', '"'];
/// Characters of a host's name that are shown; the longest real ones have 253.
const SHOWN_CHARS: usize = 260;

/// The parts of a URL, each as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) is_secure: bool,
    /// Host and port.
    pub(super) authority: String,
    /// The path, and the query where there is one.
    pub(super) path: String,
}

impl Parts {
    /// # Errors
    /// It is no URL that can be sent to; the text says why.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{}` {why}", shown(url));
        let (scheme, rest) = url.split_once("://").ok_or("the URL does not begin with `https://` or `http://`")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("the URL does not begin with `https://` or `http://`".into()),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("has a user or a password (say it by a header, and by `http::secret`)"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        if !host.is_ascii() {
            return Err(wrong("has letters beyond ASCII in its host's name (write it as `xn--…`)"));
        }
        if host.contains(NO_HOST) || host.contains(|c: char| c.is_ascii_control()) {
            return Err(wrong("has a host that is no name"));
        }
        if port.is_some_and(|port| !port.bytes().all(|digit| digit.is_ascii_digit()) || port.parse::<u16>().is_err()) {
            return Err(wrong("has a port that is no number up to 65535"));
        }
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut written = encoded(if path.is_empty() { "/" } else { path }, PATH);
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            written.push('?');
            written.push_str(&encoded(query, QUERY));
        }
        Ok(Self { is_secure, authority: authority.into(), path: written })
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}{}", if self.is_secure { "https" } else { "http" }, self.authority, self.path)
    }
}

/// The scheme and the host of a URL, as errors may show them.
pub(super) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "the URL".into() };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}").chars().take(SHOWN_CHARS).collect()
}

/// The URL with one more pair in its query.
pub(super) fn with_pair(url: &str, name: &str, value: &str) -> String {
    let (url, _) = url.split_once('#').unwrap_or((url, ""));
    let sign = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{url}{sign}{}={}", encoded(name, PAIR), encoded(value, PAIR))
}

/// A name or a value of a form (`application/x-www-form-urlencoded`).
pub(super) fn form_encoded(text: &str) -> String {
    encoded(text, b"-._~ ").replace(' ', "+")
}

fn encoded(text: &str, kept: &[u8]) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// U16: a space went out as it was, and what was no URL was tried again.
    #[test]
    fn a_url_goes_out_as_one() {
        let cases = [
            ("https://a.example", "https://a.example/"),
            ("HTTPS://a.example/a b?c d", "https://a.example/a%20b?c%20d"),
            ("https://a.example/tée/%20?q=té", "https://a.example/t%C3%A9e/%20?q=t%C3%A9"),
            ("http://[::1]:80/x#part", "http://[::1]:80/x"),
            ("https://a.example?a=b?c/d", "https://a.example/?a=b?c/d"),
        ];
        for (url, expected) in cases {
            assert_eq!(Parts::of(url).unwrap().url(), expected);
        }
    }

    #[test]
    fn a_url_that_is_none_is_refused_without_what_is_secret_in_it() {
        let cases = [
            ("", "does not begin with"),
            ("a.example", "does not begin with"),
            ("ftp://a", "does not begin with"),
            ("https://", "names no host"),
            ("https:///path", "names no host"),
            ("https://a:x/", "has a port"),
            ("https://a:99999/", "has a port"),
            ("https://a b/", "no name"),
            ("https://bücher.example/", "beyond ASCII"),
            ("https://me:pa55@a.example/t0ken?key=va1ue", "`https://a.example` has a user"),
            ("https://a\\b.example/t0ken?key=va1ue", "`https://a` has a host"),
        ];
        for (url, why) in cases {
            let told = Parts::of(url).unwrap_err();
            assert!(told.contains(why), "{url}: {told}");
            assert!(["pa55", "t0ken", "va1ue"].iter().all(|hidden| !told.contains(hidden)), "{told}");
        }
    }

    #[test]
    fn pairs_are_added_to_what_is_there() {
        assert_eq!(with_pair("https://a/?b=1#part", "c d", "x&y=ü"), "https://a/?b=1&c%20d=x%26y%3D%C3%BC");
        assert_eq!(with_pair("https://a", "c", "1"), "https://a?c=1");
        assert_eq!(with_pair("https://a?", "c", "1"), "https://a?c=1");
        assert_eq!(form_encoded("a b+c&ü"), "a+b%2Bc%26%C3%BC");
    }
}
