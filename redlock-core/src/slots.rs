//! The slots of a cluster: in which one a key lies, and which master serves it.

use alloc::string::String;
use alloc::vec::Vec;

/// The number of slots of every cluster.
pub const SLOTS: u16 = 16_384;

/// Returns the slot of a cluster in which a key lies.
///
/// If there is something between the first `{` of the key and the first `}` behind that, only this hash tag counts.
///
/// ```
/// use redlock_core::slots::slot_of;
///
/// assert_eq!(slot_of(b"123456789"), 12_739);
/// assert_eq!(slot_of(b"{account}:1"), slot_of(b"{account}:2"));
/// assert_ne!(slot_of(b"{}account:1"), slot_of(b"{}account:2"));
/// ```
///
/// Source: the [cluster specification][specification], "Key distribution model" and "Hash tags".
///
/// [specification]: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
#[must_use]
pub fn slot_of(key: &[u8]) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % SLOTS
}

/// Returns the key at which something of this kind is kept beside the key of a name: `redlock:KIND:{name}`, or
/// `redlock:KIND:name` for a name with a hash tag of its own.
///
/// Both keys are in one slot, unless the name has a `}` and no hash tag.
///
/// ```
/// use redlock_core::slots::{key_beside, slot_of};
///
/// assert_eq!(key_beside(b"account:1", "fence"), b"redlock:fence:{account:1}");
/// assert_eq!(key_beside(b"{account}:1", "fence"), b"redlock:fence:{account}:1");
/// assert_eq!(slot_of(b"redlock:fence:{account}:1"), slot_of(b"{account}:1"));
/// ```
#[must_use]
pub fn key_beside(name: &[u8], kind: &str) -> Vec<u8> {
    let (open, close): (&[u8], &[u8]) = if hash_tag(name).is_some() { (b"", b"") } else { (b"{", b"}") };
    [b"redlock:", kind.as_bytes(), b":", open, name, close].concat()
}

/// Returns the shorter one of the names that share the keys beside them: `job` for `{job}`.
#[cfg(feature = "model")]
pub(crate) fn name_beside(name: &[u8]) -> &[u8] {
    let inner = name.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    inner.filter(|inner| hash_tag(name).is_some() && hash_tag(inner).is_none()).unwrap_or(name)
}

/// Returns the part of a key by which its slot is found, if that is not the whole key.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let (_, behind) = key.split_at_checked(key.iter().position(|byte| *byte == b'{')?.saturating_add(1))?;
    let tag = behind.get(..behind.iter().position(|byte| *byte == b'}')?)?;
    (!tag.is_empty()).then_some(tag)
}

/// The polynomial of CRC16-XMODEM.
const POLYNOMIAL: u16 = 0x1021;

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ POLYNOMIAL }
        })
    })
}

/// The place of a server, as another server tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a server is found by host and port")]
pub struct Place {
    /// Its name or IP address; empty if it is that of the server that was asked.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Which master of a cluster serves which slots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SlotMap {
    masters: Vec<Place>,
    /// The first and the last slot of each range, and the number of the master that serves it.
    ranges: Vec<(u16, u16, usize)>,
}

impl SlotMap {
    /// Adds a range of slots, the last one included, with the master that serves it.
    pub fn add(&mut self, first: u16, last: u16, master: Place) {
        let known = self.masters.iter().position(|other| *other == master);
        let number = known.unwrap_or_else(|| {
            self.masters.push(master);
            self.masters.len().saturating_sub(1)
        });
        self.ranges.push((first, last, number));
    }

    /// Returns the masters that serve slots, each once.
    #[must_use]
    pub fn masters(&self) -> &[Place] {
        &self.masters
    }

    /// Returns the number of the master that serves a slot, counted from 0; `None` if no master does.
    #[must_use]
    pub fn master_of(&self, slot: u16) -> Option<usize> {
        let serves = |(first, last, _): &&(u16, u16, usize)| (*first..=*last).contains(&slot);
        self.ranges.iter().find(serves).map(|(_, _, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_that_of_the_specification() {
        // Said by a server (`CLUSTER KEYSLOT`).
        for (key, slot) in [(&b"foo"[..], 12_182), (b"bar", 5_061), (b"", 0), (b"\xff", 7_920)] {
            assert_eq!(slot_of(key), slot, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn only_the_first_hash_tag_counts_and_an_empty_one_does_not() {
        for (key, same) in [
            (&b"{user1000}.following"[..], &b"user1000"[..]),
            (b"foo{{bar}}zap", b"{bar"),
            (b"foo{bar}{zap}", b"bar"),
            (b"x}{bar}", b"bar"),
        ] {
            assert_eq!(slot_of(key), slot_of(same), "{}", key.escape_ascii());
        }
        for whole in [&b"foo{}{bar}"[..], b"foo{bar", b"foo}bar"] {
            assert_eq!(slot_of(whole), crc16(whole) % SLOTS, "{}", whole.escape_ascii());
        }
    }

    #[test]
    fn what_is_beside_a_key_is_in_its_slot() {
        for name in [&b"job"[..], b"{job}", b"{job}:1", b"a{b", b"a{job}{b}", b"x{{job}", b"{job}}", b"\xff", b"{"] {
            assert_eq!(slot_of(&key_beside(name, "fence")), slot_of(name), "{}", name.escape_ascii());
        }
        for apart in [&b"a}"[..], b"{}a", b"a{}{b}"] {
            assert_ne!(slot_of(&key_beside(apart, "fence")), slot_of(apart), "{}", apart.escape_ascii());
        }
    }

    #[cfg(feature = "model")]
    #[test]
    fn names_share_a_key_beside_them_if_they_have_the_same_shorter_name() {
        let names =
            [&b"a"[..], b"{a}", b"{{a}}", b"{{a}", b"{a", b"{}", b"{{}}", b"}", b"{}}", b"{a}b}", b"a}b", b"{a}b"];
        for (one, other) in names.iter().flat_map(|one| names.map(|other| (*one, other))) {
            let (share, same) =
                (key_beside(one, "x") == key_beside(other, "x"), name_beside(one) == name_beside(other));
            assert_eq!(share, same, "{} and {}", one.escape_ascii(), other.escape_ascii());
        }
    }

    #[test]
    fn a_master_with_several_ranges_is_one_master() {
        let place = |port| Place { host: "host".into(), port };
        let mut map = SlotMap::default();
        map.add(0, 99, place(1));
        map.add(100, 199, place(2));
        map.add(300, SLOTS - 1, place(1));
        assert_eq!(map.masters(), [place(1), place(2)]);
        let served = [0, 99, 100, 199, 200, 299, 300, SLOTS - 1].map(|slot| map.master_of(slot));
        assert_eq!(served, [Some(0), Some(0), Some(1), Some(1), None, None, Some(0), Some(0)]);
    }
}
