use std::future::{Future, pending};
use std::sync::{Arc, Mutex};

use redlock_conformance::Suite;
use redlock_driver::memory::{MemoryConnection, MemoryNode};
use redlock_driver::transport::{Action, Command, Connection, Reply, Transport};
use redlock_driver::{Cause, Unavailable};

use crate::assert_found;

#[allow(dead_code, reason = "a program of its own has a `main`")]
#[path = "../../examples/asynchronous.rs"]
mod example;

#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    AnswersWithoutAsking,
    LosesTheLastReply,
    ReversesReplies,
    TakesAnUnknownScriptForAFailure,
    LetsAReleaseOvertake,
    ReportsAGoodConnectionAsClosed,
    NeverEndsABrokenBatch,
    ClaimsThatABrokenBatchWasNotSent,
    SendsAgain,
    ConnectsOnlyOnce,
}

struct Flawed {
    node: MemoryNode,
    flaw: Flaw,
    has_connected: bool,
}

impl Flawed {
    const fn new(node: MemoryNode, flaw: Flaw) -> Self {
        Self { node, flaw, has_connected: false }
    }
}

impl Transport for Flawed {
    type Connection = FlawedConnection;

    async fn connect(&mut self) -> Result<FlawedConnection, Unavailable> {
        if std::mem::replace(&mut self.has_connected, true) && self.flaw == Flaw::ConnectsOnlyOnce {
            return Err(Unavailable::new(Cause::NotSent));
        }
        let open = Arc::new(Mutex::new(self.node.connect().await?));
        Ok(FlawedConnection { open, node: self.node.clone(), flaw: self.flaw })
    }
}

struct FlawedConnection {
    open: Arc<Mutex<MemoryConnection>>,
    node: MemoryNode,
    flaw: Flaw,
}

impl Connection for FlawedConnection {
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        let (open, node, flaw) = (self.open.clone(), self.node.clone(), self.flaw);
        async move {
            if flaw == Flaw::AnswersWithoutAsking {
                return Ok(vec![Reply::Done; batch.len()]);
            }
            if flaw == Flaw::LetsAReleaseOvertake && matches!(batch[0].action, Action::Acquire { .. }) {
                tokio::task::yield_now().await;
            }
            let replies = open.lock().unwrap().send(batch.clone());
            match replies.await {
                Ok(replies) => Ok(tamper(flaw, replies)),
                Err(_) if flaw == Flaw::NeverEndsABrokenBatch => pending().await,
                Err(_) if flaw == Flaw::ClaimsThatABrokenBatchWasNotSent => Err(Unavailable::new(Cause::NotSent)),
                Err(_) if flaw == Flaw::SendsAgain => send_again(node, batch).await,
                Err(why) => Err(why),
            }
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let closed = self.open.lock().unwrap().closed();
        let is_wrong = self.flaw == Flaw::ReportsAGoodConnectionAsClosed;
        async move {
            if !is_wrong {
                closed.await;
            }
        }
    }
}

/// Sends when it is polled, and says that it sends before.
struct Promising(Flawed);

struct PromisingConnection(FlawedConnection);

impl Transport for Promising {
    type Connection = PromisingConnection;

    async fn connect(&mut self) -> Result<PromisingConnection, Unavailable> {
        self.0.connect().await.map(PromisingConnection)
    }
}

impl Connection for PromisingConnection {
    const SENDS_AT_ONCE: bool = true;

    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
        self.0.send(batch)
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.0.closed()
    }
}

fn tamper(flaw: Flaw, mut replies: Vec<Reply>) -> Vec<Reply> {
    match flaw {
        Flaw::LosesTheLastReply => drop(replies.pop()),
        Flaw::ReversesReplies => replies.reverse(),
        Flaw::TakesAnUnknownScriptForAFailure => {
            for reply in replies.iter_mut().filter(|reply| **reply == Reply::UnknownScript) {
                *reply = Reply::Unavailable(Unavailable::new(Cause::Refused));
            }
        }
        _ => {}
    }
    replies
}

async fn send_again(mut node: MemoryNode, batch: Vec<Command>) -> Result<Vec<Reply>, Unavailable> {
    loop {
        if let Ok(mut open) = node.connect().await {
            return open.send(batch).await;
        }
        tokio::task::yield_now().await;
    }
}

macro_rules! flaws {
    ($($flaw:ident: $case:ident,)*) => {
        #[test]
        fn each_is_found() {
            $(assert_found(
                Suite::empty("flawed")
                    .async_transport(|node: &example::Mine| Flawed::new(node.transport(), Flaw::$flaw)),
                stringify!($case),
            );)*
        }
    };
}

flaws! {
    AnswersWithoutAsking: every_answer_of_a_node_comes_through,
    LosesTheLastReply: a_thousand_commands_are_carried_at_once,
    ReversesReplies: replies_come_in_the_order_of_the_commands,
    TakesAnUnknownScriptForAFailure: a_script_that_the_node_does_not_know_is_reported,
    LetsAReleaseOvertake: commands_are_carried_out_in_the_order_in_which_they_were_sent,
    ReportsAGoodConnectionAsClosed: a_good_connection_is_not_reported_as_closed,
    NeverEndsABrokenBatch: a_connection_that_breaks_ends_what_is_under_way,
    ClaimsThatABrokenBatchWasNotSent: a_connection_that_breaks_ends_what_is_under_way,
    SendsAgain: nothing_is_sent_again_over_another_connection,
    ConnectsOnlyOnce: a_node_that_is_down_is_an_error_and_reached_again_when_it_is_back,
}

#[test]
fn a_promise_that_is_not_kept_is_found() {
    let transport = |node: &example::Mine| Promising(Flawed::new(node.transport(), Flaw::None));
    assert_found(Suite::empty("flawed").async_transport(transport), "what_is_sent_at_once_is_on_its_way_before_a_poll");
}

#[test]
fn what_has_none_passes() {
    redlock_conformance::check([
        Suite::empty("sound").async_transport(|node: &example::Mine| Flawed::new(node.transport(), Flaw::None))
    ]);
}
