//! How a handle hears over fred that it is called up: over a client that does nothing else.
//!
//! fred says that a subscription stands before the server has said anything, and takes an error for the answer to the next
//! command. So there is one next command, whose answer says what has come of the subscription.

use fred::clients::Client;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::{ClusterHash, CustomCommand, Message, Value};
use futures_util::stream::{self, Stream, StreamExt};
use redlock_driver::transport::{Answer, Heard, WaiterId};
use redlock_driver::{Cause, Unavailable};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{answer, unavailable};

/// Subscribes; returns what comes of it, and then what is heard.
pub(super) fn subscribe(client: &Client, waiter: &WaiterId) -> impl Stream<Item = Heard> + Send + use<> {
    let (client, channel) = (client.clone(), waiter.channel());
    // It listens before anything can be said.
    let call_ups = call_ups(client.message_rx());
    let subscribed = async move {
        match subscribe_and_ask(&client, channel).await {
            Ok(()) => Heard::Subscribed,
            Err(why) => Heard::Deaf(why),
        }
    };
    stream::once(subscribed).chain(call_ups)
}

async fn subscribe_and_ask(client: &Client, channel: String) -> Result<(), Unavailable> {
    client.subscribe(channel).await.map_err(|error| unavailable(&error, Cause::Disconnected))?;
    let ping = CustomCommand::new_static("PING", ClusterHash::FirstKey, false);
    match answer(&client.custom::<Value, Value>(ping, Vec::new()).await)? {
        Answer::Error(text) => Err(Unavailable::from_server_error(text)),
        _ => Ok(()),
    }
}

/// Returns the call-ups among messages. Those that were missed are made up for by the waiters, who ask now and then.
fn call_ups(messages: Receiver<Message>) -> impl Stream<Item = Heard> + Send {
    let heard = stream::unfold(messages, |mut messages| async {
        let heard = match messages.recv().await {
            Ok(message) => call_up(&message),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => return None,
        };
        Some((heard, messages))
    });
    heard.filter_map(std::future::ready)
}

fn call_up(message: &Message) -> Option<Heard> {
    Heard::from_message(message.channel.as_bytes(), message.value.as_bytes()?)
}
