use core::fmt;

use redlock_core::Resources;

use crate::dice::Dice;

/// The names of the resources of all worlds.
const NAMES: [&str; 4] = ["invoice", "report", "backup", "nightly"];

/// The resources of one lock, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// In the order in which the user gives them; the first `len` count.
    numbers: [usize; Self::MOST],
    len: usize,
}

impl Names {
    /// A lock has this many at most.
    pub(crate) const MOST: usize = 3;

    /// One resource.
    pub(crate) const fn one(resource: usize) -> Self {
        Self { numbers: [resource; Self::MOST], len: 1 }
    }

    /// Draws one name, two or three, in any order.
    pub(crate) fn draw(dice: &mut Dice, resources: usize) -> Self {
        let mut names = Self::one(dice.below(resources));
        for resource in 0..resources.min(Self::MOST) {
            if !names.contains(resource) && dice.chance(40) {
                names.add(resource, dice.chance(50));
            }
        }
        names
    }

    /// Returns the first of them alone.
    pub(crate) const fn first(self) -> Self {
        Self { len: 1, ..self }
    }

    /// Adds another, in front of all or behind them.
    fn add(&mut self, resource: usize, in_front: bool) {
        self.numbers[self.len] = resource;
        self.len += 1;
        if in_front {
            self.numbers[..self.len].rotate_right(1);
        }
    }

    /// Returns how many they are.
    pub(crate) const fn len(self) -> usize {
        self.len
    }

    /// Returns whether a resource is one of them.
    pub(crate) fn contains(self, resource: usize) -> bool {
        self.iter().any(|number| number == resource)
    }

    /// Returns whether there is one that is also one of the others.
    pub(crate) fn overlap(self, others: Self) -> bool {
        self.iter().any(|number| others.contains(number))
    }

    /// Returns their numbers in the order in which the user gives them.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.numbers.into_iter().take(self.len)
    }

    /// Returns what a client asks the machine for.
    pub(crate) fn resources(self) -> Resources {
        Resources::all(self.iter().map(name))
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(place, number)| {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{number}")
        })
    }
}

/// Returns what a resource is called.
pub(crate) const fn name(resource: usize) -> &'static str {
    NAMES[resource]
}
