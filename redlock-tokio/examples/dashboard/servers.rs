use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const PORTS: [u16; 3] = [7201, 7202, 7203];

/// Three servers that end with it.
pub(crate) struct Servers([Child; 3]);

impl Servers {
    pub(crate) fn start() -> io::Result<Self> {
        let [one, two, three] = PORTS.map(start);
        let servers = Self([one?, two?, three?]);
        // Each starts in some milliseconds. One that does not is seen in the picture.
        for port in PORTS {
            let is_there = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            (0..500).find(|_| {
                is_there() || {
                    thread::sleep(Duration::from_millis(10));
                    false
                }
            });
        }
        Ok(servers)
    }

    pub(crate) fn urls() -> impl Iterator<Item = String> {
        PORTS.iter().map(|port| format!("redis://127.0.0.1:{port}"))
    }

    /// Kills a server (`kill -9`).
    pub(crate) fn kill(&mut self, number: usize) -> io::Result<()> {
        self.0[number].kill()?;
        self.0[number].wait().map(drop)
    }

    /// Starts a server that was killed, without its data.
    pub(crate) fn restart(&mut self, number: usize) -> io::Result<()> {
        self.0[number] = start(PORTS[number])?;
        Ok(())
    }

    /// Sends a signal to some of them.
    pub(crate) fn signal(&self, signal: &str, numbers: impl IntoIterator<Item = usize>) -> io::Result<()> {
        for number in numbers {
            Command::new("kill").args([signal, &self.0[number].id().to_string()]).status()?;
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            // It may have ended.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn start(port: u16) -> io::Result<Child> {
    let mut server = Command::new("redis-server");
    server.args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    server.current_dir(std::env::temp_dir()).stdout(Stdio::null()).spawn()
}
