//! How a handle hears over redis-rs that it is called up: over a connection with commands, or over one of its own.

use std::future::{Future, ready};
use std::sync::Mutex;

use futures_channel::mpsc::{self, UnboundedReceiver};
use futures_channel::oneshot;
use futures_util::stream::{self, Stream, StreamExt as _};
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{PushInfo, PushKind, Value};
use redlock_core::{Answer, Cause, Heard, Unavailable, WaiterId};

use super::answer::{unavailable, with_answer};

/// What a server says without being asked; only RESP3 has that.
pub(super) struct Pushes {
    /// What the handle is called up for.
    pub(super) heard: UnboundedReceiver<Heard>,
    /// Ends when the server is gone.
    pub(super) broken: oneshot::Receiver<()>,
}

impl Pushes {
    /// Creates what redis-rs hands pushes to, and what becomes of them.
    pub(super) fn channel() -> (impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static, Self) {
        let (sender, heard) = mpsc::unbounded();
        let (alive, broken) = oneshot::channel();
        let alive = Mutex::new(Some(alive));
        let take = move |push: PushInfo| {
            match push.kind {
                PushKind::Message => {
                    if let Some(call_up) = call_up(&push.data) {
                        sender.unbounded_send(call_up).map_err(drop)?;
                    }
                }
                PushKind::Disconnection => {
                    // Its receiver notices that it is dropped.
                    if let Ok(mut alive) = alive.lock() {
                        *alive = None;
                    }
                }
                _ => {}
            }
            Ok(())
        };
        (take, Self { heard, broken })
    }
}

/// Returns the call-up of a waiter, if that is what a message on a channel says.
fn call_up(message: &[Value]) -> Option<Heard> {
    match message {
        [Value::BulkString(channel), Value::BulkString(contents)] => Heard::from_message(channel, contents),
        _ => None,
    }
}

/// Subscribes over a connection that carries commands, too.
pub(super) fn subscribe(
    mut connection: MultiplexedConnection,
    waiter: &WaiterId,
) -> impl Future<Output = Heard> + Send + use<> {
    let [command, channel] = waiter.subscription();
    async move {
        match connection.send_packed_command(redis::cmd(&command).arg(channel)).await {
            Ok(value) => with_answer(&value, |answer| match answer {
                Answer::Error(text) => Heard::Deaf(Unavailable::from_server_error(text)),
                _ => Heard::Subscribed,
            }),
            Err(error) => Heard::Deaf(unavailable(&error, Cause::Disconnected)),
        }
    }
}

/// Subscribes over a connection that carries nothing else.
pub(super) fn subscribe_apart(mut sink: PubSubSink, waiter: &WaiterId) -> impl Future<Output = Heard> + Send + use<> {
    let channel = waiter.channel();
    async move {
        match sink.subscribe(channel).await {
            Ok(()) => Heard::Subscribed,
            Err(error) => Heard::Deaf(unavailable(&error, Cause::Disconnected)),
        }
    }
}

/// Returns what is heard over a connection that carries nothing else, its end included.
pub(super) fn heard_in(messages: PubSubStream) -> impl Stream<Item = Heard> + Send {
    let call_ups = messages.filter_map(|message| {
        let channel: String = message.get_channel_name().into();
        ready(Heard::from_message(channel.as_bytes(), message.get_payload_bytes()))
    });
    call_ups.chain(stream::once(ready(Heard::Deaf(Unavailable::new(Cause::Disconnected)))))
}
