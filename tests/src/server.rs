//! A partner on loopback that answers what a test says, byte for byte: also what no library would say.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers every request of every connection with the same bytes. It ends with the process.
#[derive(Debug)]
pub struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// Answers with these bytes. Where they do not tell of their length, the connection is kept open.
    pub fn with(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |stream| stream.write_all(&answer).is_ok())
    }

    /// Answers with these bytes and closes the connection.
    pub fn closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |stream| {
            // Whoever asked may have gone.
            drop(stream.write_all(&answer));
            false
        })
    }

    /// Answers with a body.
    pub fn ok(body: &str) -> Self {
        Self::with(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    /// Answers piece after piece, with a pause before each, for ever.
    pub fn dripping(head: &str, piece: &'static str, pause: Duration) -> Self {
        let head = head.to_owned();
        Self::start(move |stream| {
            let mut open = stream.write_all(head.as_bytes()).is_ok();
            while open {
                std::thread::sleep(pause);
                open = stream.write_all(piece.as_bytes()).is_ok();
            }
            open
        })
    }

    fn start(answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (seen, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (all, count, answer) = (seen.clone(), connections.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *count.lock().expect("no test panics with it") += 1;
                let (all, answer) = (all.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &all, &*answer));
            }
        });
        Self { port, seen, connections }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://localhost:PORT` and the path.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// The requests that came, each with its head and body.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics with it").clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        *self.connections.lock().expect("no test panics with it")
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>, answer: &dyn Fn(&mut TcpStream) -> bool) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Ok(count @ 1..) = stream.read(&mut buffer) else { return };
        bytes.extend_from_slice(&buffer[..count]);
        while let Some(length) = whole(&bytes) {
            let request: Vec<u8> = bytes.drain(..length).collect();
            seen.lock().expect("no test panics with it").push(String::from_utf8_lossy(&request).into_owned());
            if !answer(&mut stream) {
                return;
            }
        }
    }
}

/// The length of the first request, where it is there whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let of_length = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
    let body: usize = head.lines().find_map(of_length).unwrap_or(0);
    let length = head.len() + 4 + body;
    (bytes.len() >= length).then_some(length)
}
