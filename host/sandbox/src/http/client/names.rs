//! The network of the system: names are looked up on threads of their own, for a look-up blocks its thread until the
//! system gives up, which may take half a minute, and tokio's threads for blocking work also compile modules.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

/// Look-ups of a host at once, each on a thread. One that is answered takes milliseconds, so this is thousands in a second.
const LOOKUPS_MAX: usize = 16;
/// Of those, the look-ups of one module: a nameserver that never answers takes no more from the others.
const LOOKUPS_OF_MODULE_MAX: usize = 4;
/// Addresses of one name that are tried. Large services tell a handful.
pub(crate) const ADDRESSES_MAX: usize = 8;

/// Looks names up, and connects to addresses.
pub(crate) trait Net: Clone + Send + Sync + 'static {
    /// A connection.
    type Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The addresses of a name. It may take for ever.
    fn resolve(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects. It may take for ever.
    fn dial(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Socket>> + Send;
}

/// The places for look-ups, which all modules of a host share.
#[derive(Clone, Debug)]
pub(crate) struct Lookups(Arc<Semaphore>);

impl Default for Lookups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS_MAX)))
    }
}

/// The network as the system has it, for one module.
#[derive(Clone, Debug)]
pub(crate) struct System {
    all: Lookups,
    own: Arc<Semaphore>,
}

impl System {
    pub(crate) fn new(all: Lookups) -> Self {
        Self { all, own: Arc::new(Semaphore::new(LOOKUPS_OF_MODULE_MAX)) }
    }

    /// Runs a look-up on a thread. The places are held until the thread ends, also where nobody waits any more.
    async fn on_thread<T: Send + 'static>(
        &self,
        look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let closed = |_| io::Error::other("the places for look-ups are closed");
        let own = self.own.clone().acquire_owned().await.map_err(closed)?;
        let all = self.all.0.clone().acquire_owned().await.map_err(closed)?;
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new().name("wasaga-names".into()).spawn(move || {
            let found = look_up();
            drop((own, all));
            // Nobody waits where the time was over.
            drop(tell.send(found));
        })?;
        told.await.unwrap_or_else(|_| Err(io::Error::other("the look-up ended without an answer")))
    }
}

impl Net for System {
    type Socket = TcpStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let host = host.to_owned();
        self.on_thread(move || Ok((host.as_str(), port).to_socket_addrs()?.take(ADDRESSES_MAX).collect())).await
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// S10: look-ups that never end take the places of their own module, and no thread for blocking work.
    #[tokio::test]
    async fn look_ups_of_one_module_leave_room_for_those_of_another() {
        let all = Lookups::default();
        let (hostile, other) = (System::new(all.clone()), System::new(all.clone()));
        let (release, wait) = mpsc::channel::<()>();
        let wait = Arc::new(parking_lot::Mutex::new(wait));
        let mut stuck = Vec::new();
        for _ in 0..100 {
            let (hostile, wait) = (hostile.clone(), wait.clone());
            stuck.push(tokio::spawn(async move {
                // They end with the sender, at the end of the test.
                hostile.on_thread(move || Ok(wait.lock().recv().is_ok())).await
            }));
        }
        tokio::time::timeout(Duration::from_secs(20), async {
            while all.0.available_permits() > LOOKUPS_MAX - LOOKUPS_OF_MODULE_MAX {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the look-ups begin");
        let found = other.resolve("localhost", 80).await.expect("it is found");
        assert!(found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        assert_eq!(all.0.available_permits(), LOOKUPS_MAX - LOOKUPS_OF_MODULE_MAX);
        drop(release);
        for lookup in stuck {
            lookup.await.expect("it does not panic").expect("it ends");
        }
    }
}
