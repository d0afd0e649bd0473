use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::printable::Printable;

/// The name of what is locked: bytes, which are the key of the lock on every node as they are.
///
/// Clones share the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource(Arc<[u8]>);

impl Resource {
    /// Creates the resource with this name. [`Request::new`](crate::Request::new) checks that the name can be a key.
    #[must_use]
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self(name.as_ref().into())
    }

    /// Returns the bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<N: AsRef<[u8]> + ?Sized> From<&N> for Resource {
    fn from(name: &N) -> Self {
        Self::new(name)
    }
}

impl From<String> for Resource {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<Vec<u8>> for Resource {
    fn from(name: Vec<u8>) -> Self {
        Self::new(name)
    }
}

impl From<Cow<'_, str>> for Resource {
    fn from(name: Cow<'_, str>) -> Self {
        Self::new(&*name)
    }
}

impl From<Box<str>> for Resource {
    fn from(name: Box<str>) -> Self {
        Self::new(&*name)
    }
}

/// Shares the text.
impl From<Arc<str>> for Resource {
    fn from(name: Arc<str>) -> Self {
        Self(name.into())
    }
}

impl AsRef<[u8]> for Resource {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Shows text as it is, in any script, and escapes what a terminal would not print: a line end is shown as `\n`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable(&self.0))
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource(\"{self}\")")
    }
}

/// What one lock is for: one resource, or several that are locked together, all or none.
///
/// Several are kept in the order of their names, whatever the order in which they were given, so that two callers who want
/// the same ones ask for them in the same order. Each has a key of its own, so a lock of several excludes locks of any one
/// of them.
///
/// ```
/// use redlock_core::Resources;
///
/// let both = Resources::all(["to", "from"]);
/// assert_eq!(both.to_string(), "from, to");
/// assert_eq!(both, Resources::all(["from", "to"]));
/// let one: Resources = "invoice:7".into();
/// assert_eq!(one.as_slice().len(), 1);
/// ```
///
/// Clones share the names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources(Names);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Names {
    One(Resource),
    Several(Arc<[Resource]>),
}

impl Resources {
    /// Creates the resources with these names. [`Request::new`](crate::Request::new) refuses an empty list, and a name that
    /// stands in it twice.
    #[must_use]
    pub fn all<N: Into<Resource>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut names: Vec<Resource> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        match names.pop() {
            Some(name) if names.is_empty() => Self(Names::One(name)),
            last => Self(Names::Several(names.into_iter().chain(last).collect())),
        }
    }

    pub(crate) const fn one(resource: Resource) -> Self {
        Self(Names::One(resource))
    }

    /// Puts a prefix in front of each name.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        let longer = |name: &Resource| match name.as_bytes() {
            // An empty name stays one, so that it is refused.
            [] => name.clone(),
            bytes => Resource::new([prefix.as_bytes(), bytes].concat()),
        };
        match &self.0 {
            _ if prefix.is_empty() => self,
            Names::One(name) => Self(Names::One(longer(name))),
            Names::Several(names) => Self(Names::Several(names.iter().map(longer).collect())),
        }
    }

    /// Returns the resource if there is no other.
    #[must_use]
    pub fn only(&self) -> Option<&Resource> {
        match self.as_slice() {
            [resource] => Some(resource),
            _ => None,
        }
    }

    /// Returns the place of the first resource that `is_it`, counted from 0.
    pub(crate) fn place(&self, is_it: impl FnMut(&Resource) -> bool) -> Option<u8> {
        self.as_slice().iter().position(is_it).and_then(|place| u8::try_from(place).ok())
    }

    /// Returns the resource at a place, counted from 0.
    pub(crate) fn at(&self, place: u8) -> Option<&Resource> {
        self.as_slice().get(usize::from(place))
    }

    /// Returns the resources in the order of their names.
    #[must_use]
    pub fn as_slice(&self) -> &[Resource] {
        match &self.0 {
            Names::One(name) => core::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }

    /// Returns the length of all names together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.as_slice().iter().map(|name| name.as_bytes().len()).sum()
    }
}

impl<N: Into<Resource>> From<N> for Resources {
    fn from(name: N) -> Self {
        Self(Names::One(name.into()))
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, name) in self.as_slice().iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources(\"{self}\")")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_name_may_be_had_in_any_way() {
        let (text, bytes) = ("invoice:7", b"invoice:7");
        let shared: Arc<str> = text.into();
        let names: [Resources; 13] = [
            text.into(),
            (&text).into(),
            bytes.into(),
            bytes[..].into(),
            String::from(text).into(),
            (&String::from(text)).into(),
            bytes.to_vec().into(),
            Cow::Borrowed(text).into(),
            Cow::<str>::Owned(format!("invoice:{}", 7)).into(),
            Box::<str>::from(text).into(),
            shared.clone().into(),
            (&*shared).into(),
            (&Resource::new(text)).into(),
        ];
        assert!(names.iter().all(|name| *name == Resource::new(text).into()), "{names:?}");
    }
}
