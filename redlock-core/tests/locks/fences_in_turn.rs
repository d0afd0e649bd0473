//! Fenced locks that wait for their turn: the home has granted, and is asked to raise a counter when the key is gone.

use redlock_core::fence::Fence;
use redlock_core::{Lock, LockKey, NodeId, NodeSet, Options, Request, Resources};

use crate::handles::Handles;
use crate::turns::only_called_up;
use crate::world::TTL;

/// A handle that was called up for these names, the first of which has this home. The home has granted them, another node
/// has granted larger fences and its reply is late, and the third hangs.
struct CalledUp {
    handles: Handles,
    key: LockKey,
    home: NodeId,
}

impl CalledUp {
    fn new(names: &[&str]) -> Self {
        let resources = || Resources::all(names.iter().copied());
        let mut handles = Handles::new(2);
        let holder = handles.acquire(0, resources());
        let home = handles.home_of(names[0]);
        let key = handles.begin(1, resources(), only_called_up().fenced(true));
        let others = handles.locks[1].config().nodes().without(NodeSet::from_iter([home]));
        let [ahead, hung] = [others.iter().next(), others.iter().nth(1)].map(Option::unwrap);
        handles.count_on(ahead, &resources());
        (handles.late, handles.hung) = (NodeSet::from_iter([ahead]), NodeSet::from_iter([hung]));
        handles.give_back(0, holder);
        Self { handles, key, home }
    }

    /// Lets somebody else take the first name at the home, and then the late reply come.
    fn lose_first_name(&mut self, name: &str) {
        let Self { handles, home, .. } = self;
        handles.nodes[home.index()].set(name.as_bytes(), b"theirs", None, handles.now);
        handles.take_late_reply(1);
        handles.run();
    }
}

impl Handles {
    /// Lets a node count on by a fenced lock of somebody who has come and gone.
    fn count_on(&mut self, node: NodeId, names: &Resources) {
        let request = Request::new(self.locks[0].config(), names.clone(), TTL, Options::new().fenced(true)).unwrap();
        let mut lock = Lock::acquire(self.locks[0].config(), request, [99; 32], self.now);
        let acquire = lock.poll_command().unwrap();
        let source = acquire.with_action(acquire.action.clone(), redlock_core::ScriptForm::Source);
        let node = &mut self.nodes[node.index()];
        let held: Vec<_> =
            names.as_slice().iter().map(|name| node.get(name.as_bytes(), self.now).map(<[u8]>::to_vec)).collect();
        names.as_slice().iter().for_each(|name| node.delete(name.as_bytes()));
        for _ in 0..5 {
            node.execute(&source, self.now);
        }
        for (name, value) in names.as_slice().iter().zip(held) {
            node.set(name.as_bytes(), &value.unwrap(), Some(TTL), self.now);
        }
        assert!(names.as_slice().iter().all(|name| node.counter(name) >= Fence::new(5)));
    }
}

#[test]
fn keys_that_the_home_has_granted_are_released_also_when_it_has_lost_one_of_them_since() {
    let mut called_up = CalledUp::new(&["account:1", "account:2"]);
    called_up.lose_first_name("account:1");
    let CalledUp { mut handles, key, home } = called_up;
    assert!(handles.nodes[home.index()].get(b"account:2", handles.now).is_some(), "it was granted there");
    handles.advance_to(1_000);
    assert!(!handles.has(1, key));
    assert_eq!(handles.nodes[home.index()].get(b"account:2", handles.now), None);
}

#[test]
fn a_home_that_has_lost_the_key_since_it_granted_it_goes_on_to_keep_the_queue() {
    let mut called_up = CalledUp::new(&["job"]);
    called_up.lose_first_name("job");
    let CalledUp { mut handles, key, home } = called_up;
    handles.advance_to(1_000);
    assert!(!handles.has(1, key));
    let health = handles.locks[1].health(handles.now);
    assert_eq!(health.nodes[home.index()].limits, [], "it has refused nobody a queue");
    assert_eq!(
        handles.nodes[home.index()].waiting(&"job".into(), handles.now),
        1,
        "who came in vain waits there again"
    );
}
