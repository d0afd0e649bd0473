use core::fmt;
use core::time::Duration;

use crate::fence::Fences;
use crate::{Owner, Resources, Token};

/// A lock that nobody holds while its keys are there still: what is needed to [adopt](crate::Request::adopting) it, in another
/// process for instance.
///
/// It is as good as the lock itself: whoever has it can adopt or release the lock, so it is to be kept like a password, and
/// `Debug` shows no token. It is to be adopted once: nodes cannot tell two who adopt the same one apart.
///
/// With the feature `serde` it can be written and read; the token is in what is written.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "form::Form", into = "form::Form"))]
#[must_use = "without it nobody can adopt the lock, which stays until its TTL is over"]
pub struct DetachedLock {
    pub(crate) resources: Resources,
    pub(crate) token: Token,
    pub(crate) ttl: Duration,
    /// No node was told a longer TTL.
    pub(crate) longest_ttl: Duration,
    pub(crate) fences: Option<Fences>,
    pub(crate) owner: Option<Owner>,
}

impl DetachedLock {
    /// Returns what is locked.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Returns the TTL with which the lock was acquired; it is adopted with the same.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Returns the fences of the lock, if it is fenced; whoever adopts it has the same.
    #[must_use]
    pub const fn fences(&self) -> Option<&Fences> {
        self.fences.as_ref()
    }

    /// Returns the label of who held the lock; whoever adopts it has the same unless they [have their own](crate::Request::owned_by).
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }
}

impl fmt::Debug for DetachedLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedLock")
            .field("resources", &self.resources)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// The form in which it is written.
#[cfg(feature = "serde")]
mod form {
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::time::Duration;

    use serde::ser::SerializeStruct as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::DetachedLock;
    use crate::fence::{Fence, Fences};
    use crate::{Owner, Resource, Resources, Token};

    #[derive(Deserialize)]
    pub(super) struct Form {
        names: Vec<Name>,
        token: String,
        ttl_millis: u64,
        /// That of an extension, if it is longer.
        #[serde(default)]
        longest_ttl_millis: Option<u64>,
        #[serde(default)]
        fences: Vec<Fence>,
        #[serde(default)]
        owner: Option<Owner>,
    }

    /// What there is none of is left out where a person may read it. A binary format may go by the order of the fields, so there
    /// none is left out.
    impl Serialize for Form {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let is_binary = !serializer.is_human_readable();
            let has_longest_ttl = is_binary || self.longest_ttl_millis.is_some();
            let has_fences = is_binary || !self.fences.is_empty();
            let has_owner = is_binary || self.owner.is_some();
            let optional = [has_longest_ttl, has_fences, has_owner].into_iter().filter(|is_there| *is_there).count();
            let mut fields = serializer.serialize_struct("DetachedLock", optional.saturating_add(3))?;
            fields.serialize_field("names", &self.names)?;
            fields.serialize_field("token", &self.token)?;
            fields.serialize_field("ttl_millis", &self.ttl_millis)?;
            if has_longest_ttl {
                fields.serialize_field("longest_ttl_millis", &self.longest_ttl_millis)?;
            }
            if has_fences {
                fields.serialize_field("fences", &self.fences)?;
            }
            if has_owner {
                fields.serialize_field("owner", &self.owner)?;
            }
            fields.end()
        }
    }

    /// A text where a person may read it, if it is one; else its bytes.
    struct Name(Vec<u8>);

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Readable {
        Text(String),
        Bytes(Vec<u8>),
    }

    impl Serialize for Name {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match core::str::from_utf8(&self.0) {
                Ok(text) if serializer.is_human_readable() => serializer.serialize_str(text),
                _ => self.0.serialize(serializer),
            }
        }
    }

    impl<'de> Deserialize<'de> for Name {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if !deserializer.is_human_readable() {
                return Vec::deserialize(deserializer).map(Self);
            }
            Ok(match Readable::deserialize(deserializer)? {
                Readable::Text(text) => Self(text.into_bytes()),
                Readable::Bytes(bytes) => Self(bytes),
            })
        }
    }

    impl From<DetachedLock> for Form {
        fn from(lock: DetachedLock) -> Self {
            let names = lock.resources.as_slice().iter().map(|name| Name(name.as_bytes().into())).collect();
            let [ttl_millis, longest] = [lock.ttl, lock.longest_ttl].map(millis);
            let longest_ttl_millis = (longest > ttl_millis).then_some(longest);
            let fences = lock.fences.iter().flat_map(Fences::as_slice).copied().collect();
            let token = String::from_utf8_lossy(lock.token.as_bytes()).into_owned();
            Self { names, token, ttl_millis, longest_ttl_millis, fences, owner: lock.owner }
        }
    }

    fn millis(ttl: Duration) -> u64 {
        u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// Returns the fences of the names in the order that the names have in [`Resources`]; `None` if there are none.
    fn fences_in_order(names: &[Resource], fences: Vec<Fence>) -> Result<Option<Fences>, &'static str> {
        if fences.is_empty() {
            return Ok(None);
        }
        if fences.len() != names.len() {
            return Err("there is not one fence for each name");
        }
        if fences.iter().any(|fence| *fence > Fence::MAX) {
            return Err("a fence is larger than any that a node grants");
        }
        let mut pairs: Vec<_> = names.iter().zip(fences).collect();
        pairs.sort_unstable();
        Ok(Some(pairs.into_iter().map(|(_, fence)| fence).collect()))
    }

    impl TryFrom<Form> for DetachedLock {
        type Error = &'static str;

        fn try_from(form: Form) -> Result<Self, Self::Error> {
            let token = Token::from_bytes(form.token.as_bytes()).ok_or("this is not the token of a lock")?;
            let names: Vec<Resource> = form.names.iter().map(|name| Resource::new(&name.0)).collect();
            let fences = fences_in_order(&names, form.fences)?;
            let resources = Resources::all(names);
            let longest = form.longest_ttl_millis.unwrap_or(form.ttl_millis);
            let [ttl, longest_ttl] = [form.ttl_millis, longest].map(Duration::from_millis);
            Ok(Self { resources, token, ttl, longest_ttl, fences, owner: form.owner })
        }
    }

    #[cfg(test)]
    mod tests {
        use alloc::format;
        use alloc::string::ToString;

        use super::*;

        fn detached(name: &[u8]) -> DetachedLock {
            let token = Token::from_bytes(&[b'q'; Token::LEN]).unwrap();
            DetachedLock {
                resources: Resources::all([name, b"b"]),
                token,
                ttl: Duration::from_millis(1_500),
                longest_ttl: Duration::from_millis(1_500),
                fences: None,
                owner: None,
            }
        }

        #[test]
        fn what_is_written_can_be_read_and_debug_shows_no_token() {
            for name in [&b"a"[..], b"\xff\x00"] {
                let text = serde_json::to_string(&detached(name)).unwrap();
                assert_eq!(serde_json::from_str::<DetachedLock>(&text).unwrap(), detached(name), "{text}");
            }
            let expected = format!(r#"{{"names":["a","b"],"token":"{}","ttl_millis":1500}}"#, "q".repeat(Token::LEN));
            assert_eq!(serde_json::to_string(&detached(b"a")).unwrap(), expected);
            assert!(!format!("{:?}", detached(b"a")).contains("qq"));
            let fenced = DetachedLock { fences: Some([33, 7].map(Fence::new).into_iter().collect()), ..detached(b"a") };
            let text = serde_json::to_string(&fenced).unwrap();
            assert!(text.ends_with(r#""fences":[33,7]}"#), "{text}");
            assert_eq!(serde_json::from_str::<DetachedLock>(&text).unwrap(), fenced);
            assert!(serde_json::from_str::<DetachedLock>(&text.replace("33,7", "33")).is_err());
            let (reversed, beyond) =
                (text.replace(r#""a","b""#, r#""b","a""#), text.replace("33,7", "33,9007199254740992"));
            let reversed = serde_json::from_str::<DetachedLock>(&reversed).unwrap();
            assert_eq!(reversed.fences().unwrap().as_slice(), [7, 33].map(Fence::new), "each stays with its name");
            assert!(serde_json::from_str::<DetachedLock>(&beyond).is_err(), "no node can count to it");
            let extended = DetachedLock { longest_ttl: Duration::from_secs(60), ..detached(b"a") };
            let text = serde_json::to_string(&extended).unwrap();
            assert!(text.ends_with(r#""ttl_millis":1500,"longest_ttl_millis":60000}"#), "{text}");
            assert_eq!(serde_json::from_str::<DetachedLock>(&text).unwrap(), extended);
            let owned = DetachedLock { owner: Owner::new("host-7").ok(), ..detached(b"a") };
            let text = serde_json::to_string(&owned).unwrap();
            assert!(text.ends_with(r#""owner":"host-7"}"#), "{text}");
            assert_eq!(serde_json::from_str::<DetachedLock>(&text).unwrap(), owned);
        }

        /// Such a format goes by the order of the fields, and by nothing else.
        #[test]
        fn what_is_written_in_binary_can_be_read() {
            let numbers = [33, 7].map(Fence::new).into_iter().collect();
            let fenced = DetachedLock { fences: Some(numbers), ..detached(b"\xff\x00") };
            let owned = DetachedLock { owner: Owner::new("host-7").ok(), ..detached(b"a") };
            let extended = DetachedLock { longest_ttl: Duration::from_secs(60), ..detached(b"a") };
            for lock in [detached(b"a"), fenced, owned, extended] {
                let bytes = postcard::to_allocvec(&lock).unwrap();
                assert_eq!(postcard::from_bytes(&bytes), Ok(lock));
            }
        }

        #[test]
        fn what_is_no_token_is_refused_without_showing_it() {
            let error = |token: &str| {
                let text = format!(r#"{{"names":["a"],"token":"{token}","ttl_millis":1}}"#);
                serde_json::from_str::<DetachedLock>(&text).unwrap_err().to_string()
            };
            for token in ["", "secret", &"\u{e9}".repeat(14), &" ".repeat(Token::LEN)] {
                let error = error(token);
                assert!(error.contains("not the token") && !error.contains("secret"), "{error}");
            }
        }
    }
}
