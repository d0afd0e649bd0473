use std::time::Duration;

use redlock_blocking::transport::{Command, Connection, Reply, Transport};
use redlock_blocking::{Cause, Unavailable};
use redlock_conformance::Suite;

use crate::assert_found;

#[allow(dead_code, reason = "a program of its own has a `main`")]
#[path = "../../examples/blocking.rs"]
mod example;

#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    AnswersWithoutAsking,
    TakesAnUnknownScriptForAFailure,
    WaitsForRoom,
    DropsAReplyThatComesLate,
    ReturnsFromAWaitTooEarly,
    NeverSaysThatItIsBroken,
    FailsItsCheck,
    ClaimsThatItMayHaveBeenSent,
}

struct Flawed {
    transport: example::MyTransport,
    flaw: Flaw,
}

impl Transport for Flawed {
    type Connection = FlawedConnection;

    fn connect(&mut self, timeout: Duration) -> Result<FlawedConnection, Unavailable> {
        match self.transport.connect(timeout) {
            Ok(open) => Ok(FlawedConnection { open, flaw: self.flaw, is_late: false }),
            Err(_) if self.flaw == Flaw::ClaimsThatItMayHaveBeenSent => Err(Unavailable::new(Cause::Disconnected)),
            Err(why) => Err(why),
        }
    }
}

struct FlawedConnection {
    open: example::MyConnection,
    flaw: Flaw,
    /// A reply was not there in time.
    is_late: bool,
}

impl Connection for FlawedConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        if self.flaw == Flaw::WaitsForRoom {
            std::thread::sleep(Duration::from_millis(25));
        }
        self.open.send(command)
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        match self.flaw {
            Flaw::AnswersWithoutAsking => return Ok(Some(Reply::Done)),
            Flaw::ReturnsFromAWaitTooEarly => return self.open.receive(command, Duration::ZERO),
            Flaw::DropsAReplyThatComesLate if std::mem::take(&mut self.is_late) => {
                self.open.receive(command, timeout)?;
            }
            _ => {}
        }
        let received = self.open.receive(command, timeout);
        self.is_late |= received == Ok(None);
        match received {
            Err(_) if self.flaw == Flaw::NeverSaysThatItIsBroken => Ok(None),
            Ok(Some(Reply::UnknownScript)) if self.flaw == Flaw::TakesAnUnknownScriptForAFailure => {
                Ok(Some(Reply::Unavailable(Unavailable::new(Cause::Refused))))
            }
            other => other,
        }
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        if self.flaw == Flaw::FailsItsCheck { Err(Unavailable::new(Cause::Disconnected)) } else { self.open.check() }
    }
}

macro_rules! flaws {
    ($($flaw:ident: $case:ident,)*) => {
        #[test]
        fn each_is_found() {
            $(assert_found(
                Suite::empty("flawed").blocking_transport(|node: &example::Mine| Flawed {
                    transport: node.transport(),
                    flaw: Flaw::$flaw,
                }),
                stringify!($case),
            );)*
        }
    };
}

flaws! {
    AnswersWithoutAsking: every_answer_of_a_node_comes_through,
    TakesAnUnknownScriptForAFailure: a_script_that_the_node_does_not_know_is_reported,
    WaitsForRoom: more_is_sent_before_the_first_is_answered,
    DropsAReplyThatComesLate: a_reply_that_is_not_there_in_time_is_not_lost,
    ReturnsFromAWaitTooEarly: a_reply_that_is_not_there_in_time_is_not_lost,
    NeverSaysThatItIsBroken: a_connection_that_breaks_ends_what_is_under_way,
    FailsItsCheck: a_good_connection_passes_its_check,
    ClaimsThatItMayHaveBeenSent: a_node_that_is_down_is_an_error_and_reached_again_when_it_is_back,
}

#[test]
fn what_has_none_passes() {
    redlock_conformance::check([Suite::empty("sound")
        .blocking_transport(|node: &example::Mine| Flawed { transport: node.transport(), flaw: Flaw::None })]);
}
