use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::Server;

/// What stands between clients and a server: it passes on what both say, until it is told to misbehave.
///
/// When it is dropped, all connections over it end.
#[derive(Debug)]
pub struct Middlebox {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Mutex<SocketAddr>,
    connections: Mutex<Vec<Connection>>,
    dribbles: AtomicBool,
    is_over: AtomicBool,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    swallows: Arc<AtomicBool>,
}

impl Middlebox {
    /// Starts one in front of a server.
    ///
    /// # Panics
    ///
    /// When the operating system has no port or thread for it.
    #[must_use]
    pub fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            server: Mutex::new(server.address()),
            connections: Mutex::default(),
            dribbles: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let relayed = shared.clone();
        thread::spawn(move || relayed.relay(&listener));
        Self { port, shared }
    }

    /// The URL at which clients find the server behind it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on all bytes come one at a time.
    pub fn dribble(&self) {
        self.shared.dribbles.store(true, Ordering::SeqCst);
    }

    /// From now on the connections that there are take everything, and nothing of it arrives. New ones are as good as ever.
    pub fn swallow(&self) {
        for connection in self.shared.connections().iter() {
            connection.swallows.store(true, Ordering::SeqCst);
        }
    }

    /// Leads new connections to another server. Those that there are go on.
    pub fn lead_to(&self, server: &Server) {
        *self.shared.server.lock().unwrap_or_else(PoisonError::into_inner) = server.address();
    }

    /// Leads new connections to another server. Those that there are swallow everything.
    pub fn move_to(&self, server: &Server) {
        self.lead_to(server);
        self.swallow();
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Lets it look.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for connection in self.shared.connections().iter() {
            connection.end();
        }
    }
}

impl Shared {
    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relay(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            // A client whose server is gone is hung up on.
            let _ = self.connect(client);
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(*self.server.lock().unwrap_or_else(PoisonError::into_inner))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let swallows = Arc::<AtomicBool>::default();
        let ways = [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)];
        self.connections().push(Connection { client, server, swallows: swallows.clone() });
        for (from, to) in ways {
            let (shared, swallows) = (self.clone(), swallows.clone());
            thread::spawn(move || {
                // Either side may hang up at any time.
                let _ = shared.pass_on(&from, &to, &swallows);
                if !swallows.load(Ordering::SeqCst) {
                    let _ = to.shutdown(Shutdown::Both);
                }
            });
        }
        Ok(())
    }

    fn pass_on(&self, mut from: &TcpStream, mut to: &TcpStream, swallows: &AtomicBool) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let read = from.read(&mut buffer)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(());
            }
            if swallows.load(Ordering::SeqCst) {
                continue;
            }
            let most = if self.dribbles.load(Ordering::SeqCst) { 1 } else { bytes.len() };
            for piece in bytes.chunks(most) {
                to.write_all(piece)?;
            }
        }
    }
}

impl Connection {
    fn end(&self) {
        for socket in [&self.client, &self.server] {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
