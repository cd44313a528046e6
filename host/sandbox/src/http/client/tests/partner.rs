//! A partner on loopback that does what a script says, a script for each connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a partner does next; after the last it closes, or resets where it has left something unread.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads a whole request of ours.
    Request,
    /// Reads so many bytes.
    Bytes(usize),
    /// Writes this.
    Write(String),
    /// Does nothing any more.
    Stall,
}

pub(crate) struct Partner {
    pub(crate) address: SocketAddr,
    received: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Partner {
    /// Takes as many connections as there are scripts; more wait for ever.
    pub(crate) async fn start(scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (received, connections, ended) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (bytes, count, over) = (received.clone(), connections.clone(), ended.clone());
        let task = tokio::spawn(async move {
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (bytes, over) = (bytes.clone(), over.clone());
                tokio::spawn(async move {
                    play(stream, script, bytes).await;
                    over.fetch_add(1, Ordering::SeqCst);
                });
            }
            std::future::pending::<()>().await;
        });
        Self { address, received, connections, ended, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/pay", self.address)
    }

    /// A URL where nobody listens.
    pub(crate) async fn closed(self) -> String {
        let url = self.url();
        self.task.abort();
        drop(self.task.await);
        url
    }

    /// Bytes of requests that arrived.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that it has closed.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// Until so many connections were made.
    pub(crate) async fn wait_for(&self, connections: usize) {
        let made = async {
            while self.connections() < connections {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(super::SOON, made).await.expect("the connections are made");
    }
}

async fn play(mut stream: TcpStream, script: Vec<Act>, received: Arc<AtomicUsize>) {
    for act in script {
        match act {
            Act::Request => {
                let mut seen = Vec::new();
                while !seen.ends_with(b"\r\n\r\n{\"cents\":500}") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    seen.push(byte);
                    received.fetch_add(1, Ordering::SeqCst);
                }
            }
            Act::Bytes(count) => {
                for _ in 0..count {
                    if stream.read_u8().await.is_ok() {
                        received.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
            Act::Write(text) => drop(stream.write_all(text.as_bytes()).await),
            Act::Stall => std::future::pending::<()>().await,
        }
    }
}
