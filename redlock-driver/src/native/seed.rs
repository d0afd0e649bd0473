//! Servers that are asked where others are.

use std::collections::VecDeque;

use redlock_core::Unavailable;
use redlock_core::resp::{Inquiry, Settings, Statement};
use redlock_core::system::seeds::{names_of_seeds, parse_seed, reason_of_all};
use redlock_core::system::url::NodeUrl;

use super::inquiry::ask;
use super::{UrlNode, unusable};
use crate::BuildError;
use crate::net::{Address, Network, TlsSettings};

/// A server that is asked where others are.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) address: Address,
    pub(super) tls: Option<TlsSettings>,
    pub(super) settings: Settings,
}

/// Reads the URLs of servers that are asked. TLS is spoken where the URL asks for it.
pub(super) fn read(urls: &[String], tls: Option<&TlsSettings>) -> Result<Vec<(NodeUrl, Seed)>, BuildError> {
    if urls.is_empty() {
        return Err(BuildError::unusable_node("", "there is no URL: name at least one server to ask"));
    }
    urls.iter().map(|url| seed(url, tls)).collect()
}

fn seed(url: &str, tls: Option<&TlsSettings>) -> Result<(NodeUrl, Seed), BuildError> {
    let read = parse_seed(url)?;
    let is_encrypted = matches!(read.address, Address::Tcp { tls: true, .. });
    let node = UrlNode { url: url.into(), tls: tls.filter(|_| is_encrypted).cloned(), client_name: None };
    let tls = node.tls_for(&read.address)?;
    let settings = read.settings(None).map_err(unusable)?;
    let seed = Seed { address: read.address.clone(), tls, settings };
    Ok((read, seed))
}

/// Servers that are asked one after the other, each of which knows the same as the others.
#[derive(Clone, Debug)]
pub(super) struct Seeds(VecDeque<Seed>);

impl Seeds {
    pub(super) fn new(seeds: impl IntoIterator<Item = Seed>) -> Self {
        Self(seeds.into_iter().collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn first(&self) -> Option<&Seed> {
        self.0.front()
    }

    /// Returns who is to be asked next, and puts it behind the others: one that never answers is not asked first again.
    pub(super) fn take_turn(&mut self) -> Option<Seed> {
        let seed = self.0.pop_front()?;
        self.0.push_back(seed.clone());
        Some(seed)
    }

    /// Notes that the one that was asked last was of help; it is asked first the next time.
    pub(super) fn last_has_helped(&mut self) {
        if let Some(seed) = self.0.pop_back() {
            self.0.push_front(seed);
        }
    }

    /// Returns the addresses as a part of a node's name, which is the same in whatever order they were given.
    pub(super) fn names(&self) -> String {
        names_of_seeds(self.0.iter().map(|seed| seed.address.to_string()))
    }
}

impl Seed {
    pub(super) async fn ask<N: Network>(&self, network: &N, inquiry: Inquiry) -> Result<Statement, Unavailable> {
        ask(network, &self.address, self.tls.as_ref(), inquiry).await
    }

    pub(super) fn host(&self) -> &str {
        match &self.address {
            Address::Tcp { host, .. } => host,
            _ => "",
        }
    }
}

/// Whoever was asked, and what came of it, for a report when nobody was of help.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<(String, Unavailable)>);

impl Failures {
    pub(super) fn add(&mut self, asked: &Address, why: Unavailable) {
        self.0.push((asked.to_string(), why));
    }

    pub(super) fn into_unavailable(self) -> Unavailable {
        reason_of_all(&self.0)
    }
}
