//! Requests by `wasi:http`.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

use super::url::{Parts, shown};
use super::{Error, Request, Response};

/// Bytes that are written or read at once: what the host's buffers take.
const CHUNK: u64 = 4_096;

pub(super) fn send(request: &Request) -> Result<Response, Error> {
    let (outgoing, options) = prepare(request)?;
    let body = outgoing.body().map_err(|()| Error::Invalid("its `content-length` is wrong".into()))?;
    // What is wrong at once is wrong with the request itself, and nothing of it was sent.
    let answer = handle(outgoing, options).map_err(|code| match told(&code) {
        Error::NoAnswer(why) => Error::Invalid(why),
        error => error,
    })?;
    // What cannot be written may be why there is an answer already, which tells more.
    let written = write(body, &request.body);
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => read(&response),
        Some(Ok(Err(code))) => Err(told(&code)),
        Some(Err(())) | None => Err(written.err().unwrap_or_else(|| Error::NoAnswer("the host gave none".into()))),
    }
}

fn prepare(request: &Request) -> Result<(OutgoingRequest, Option<RequestOptions>), Error> {
    let Parts { is_secure, authority, path } = Parts::of(&request.url).map_err(Error::Invalid)?;
    let wrong = |what: &str| Error::Invalid(format!("{what} (in {} {})", request.method, shown(&request.url)));
    let scheme = if is_secure { Scheme::Https } else { Scheme::Http };
    let fields: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone().into_bytes())).collect();
    let fields = Fields::from_list(&fields).map_err(|error| wrong(&format!("a header cannot be sent: {error}")))?;
    if !request.body.is_empty() && !fields.has("content-length") {
        let length = request.body.len().to_string().into_bytes();
        fields
            .append("content-length", &length)
            .map_err(|error| wrong(&format!("a header cannot be sent: {error}")))?;
    }
    let outgoing = OutgoingRequest::new(fields);
    outgoing.set_method(&method(&request.method)).map_err(|()| wrong("this is no method"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| wrong("this is no scheme"))?;
    outgoing.set_authority(Some(&authority)).map_err(|()| wrong("this is no host"))?;
    outgoing.set_path_with_query(Some(&path)).map_err(|()| wrong("this is no path"))?;
    let options = match request.timeout {
        None => None,
        Some(timeout) => {
            let options = RequestOptions::new();
            let span = Some(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
            options.set_first_byte_timeout(span).map_err(|()| wrong("the host takes no timeouts"))?;
            options.set_connect_timeout(span).map_err(|()| wrong("the host takes no timeouts"))?;
            options.set_between_bytes_timeout(span).map_err(|()| wrong("the host takes no timeouts"))?;
            Some(options)
        }
    };
    Ok((outgoing, options))
}

fn method(method: &str) -> Method {
    match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.into()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
    // Whatever is wrong with the rest of it, a part may have been sent.
    let broken = || Error::NoAnswer("the body could not be sent whole".into());
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| broken())?;
        for chunk in bytes.chunks(CHUNK as usize) {
            stream.blocking_write_and_flush(chunk).map_err(|_| broken())?;
        }
    }
    OutgoingBody::finish(body, None).map_err(|_| broken())
}

fn read(response: &IncomingResponse) -> Result<Response, Error> {
    let status = response.status();
    let headers = response.headers().entries();
    let headers = headers.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()));
    let headers = headers.collect();
    let lost = |why: String| Error::NoAnswer(format!("the answer, of status {status}, did not come whole: {why}"));
    let incoming = response.consume().map_err(|()| lost("it has no body".into()))?;
    let stream = incoming.stream().map_err(|()| lost("it has no body".into()))?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(CHUNK * 16) {
            Ok(chunk) => body.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(lost(code.map_or_else(|| error.to_debug_string(), |code| name(&code))));
            }
        }
    }
    drop(stream);
    drop(IncomingBody::finish(incoming));
    Ok(Response { status, headers, body })
}

/// The code, without the type that it is of.
fn name(code: &ErrorCode) -> String {
    format!("{code:?}").trim_start_matches("ErrorCode::").to_owned()
}

/// What the host says, by whether anything was sent. Where it is not certain that nothing was, it may have been.
fn told(code: &ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied => Error::Denied("the host did not send it".into()),
        ErrorCode::DestinationIpProhibited => Error::Denied("the host does not connect to that address".into()),
        ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestHeaderSectionSize(_) => Error::Invalid(name(code)),
        ErrorCode::ConnectionLimitReached => Error::NotSent("too many requests are in flight at once".into()),
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::ConfigurationError => Error::NotSent(name(code)),
        other => Error::NoAnswer(name(other)),
    }
}
