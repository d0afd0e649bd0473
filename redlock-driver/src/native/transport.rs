use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use redlock_core::resp::{Opening, Settings};
use redlock_core::system::not_sent;
use redlock_core::system::socket::{MAX_READS, Reading, Speaker, read, write};
use redlock_core::{Cause, Unavailable};

use super::NativeConnection;
use crate::CurrentRuntime;
use crate::net::{Address, Network, Socket, Stream, TlsSettings, open_noting};
use crate::transport::Transport;

/// The way to one server over sockets of the runtime.
///
/// Names are looked up again at every connection.
#[derive(Debug)]
pub struct NativeTransport<N> {
    address: Address,
    tls: Option<TlsSettings>,
    settings: Settings,
    /// What the server is still to answer.
    awaited: Option<&'static str>,
    network: PhantomData<fn() -> N>,
}

impl<N> NativeTransport<N> {
    /// Creates it. TLS is spoken only if the address asks for it.
    #[must_use]
    pub const fn new(address: Address, tls: Option<TlsSettings>, settings: Settings) -> Self {
        Self { address, tls, settings, awaited: None, network: PhantomData }
    }

    /// Returns the name of the node that it leads to: its address.
    #[must_use]
    pub fn name(&self) -> String {
        self.address.to_string()
    }
}

impl<N: Network + CurrentRuntime> Transport for NativeTransport<N> {
    type Connection = NativeConnection<Stream<N::Socket>>;

    async fn connect(&mut self) -> Result<Self::Connection, Unavailable> {
        let network = N::current().map_err(|why| Unavailable::with_detail(Cause::NotSent, &why.to_string()))?;
        let Self { address, tls, awaited, .. } = self;
        *awaited = None;
        let stream = open_noting(&network, address, tls.as_ref(), awaited).await;
        let mut stream = stream.map_err(|why| not_sent(&why))?;
        *awaited = Some("the first commands");
        let mut opening = Opening::new(&self.settings);
        let connection = converse(&mut stream, address, &mut opening, Opening::poll).await?;
        Ok(NativeConnection::new(stream, connection))
    }

    fn awaited(&self) -> Option<&str> {
        self.awaited
    }
}

/// Speaks to a server until a machine has come to its result.
pub(super) async fn converse<M: Speaker, T>(
    stream: &mut impl Socket,
    address: &Address,
    machine: &mut M,
    poll: impl Fn(&mut M) -> Option<Result<T, Unavailable>>,
) -> Result<T, Unavailable> {
    let mut is_answered = false;
    let result = poll_fn(|context| {
        let poll = |machine: &mut M| {
            is_answered = true;
            poll(machine)
        };
        go_on(stream, machine, poll, context)
    })
    .await;
    result.unwrap_or_else(|why| Err(not_sent(&if is_answered { why } else { address.unanswered(why) })))
}

/// Goes on until the machine has come to its result, or there is nothing more to read now. A server that never stops talking
/// does not keep others waiting, nor the connect timeout.
///
/// A server that has no room for another client says so before it closes the connection, which may end the writing.
fn go_on<M: Speaker, T>(
    stream: &mut impl Socket,
    machine: &mut M,
    mut poll: impl FnMut(&mut M) -> Option<T>,
    context: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    for _ in 0..MAX_READS {
        let written = write(machine, stream);
        match read(machine, stream) {
            Ok(Reading::Nothing) => {}
            Ok(Reading::Some | Reading::All) => match poll(machine) {
                Some(result) => return Poll::Ready(Ok(result)),
                None => continue,
            },
            Err(why) => return Poll::Ready(Err(written.err().unwrap_or(why))),
        }
        if !written? && stream.poll_writable(context)?.is_ready() {
            continue;
        }
        if stream.poll_readable(context)?.is_pending() {
            return Poll::Pending;
        }
    }
    context.waker().wake_by_ref();
    Poll::Pending
}
