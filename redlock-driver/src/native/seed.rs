//! Servers that are asked where others are.

use redlock_core::Unavailable;
use redlock_core::resp::{Inquiry, Settings, Statement};
use redlock_core::system::seeds::{Seeds, names_of_seeds, parse_seed, reason_of_all};
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

/// Returns the addresses as a part of a node's name, which is the same in whatever order they were given.
pub(super) fn names(seeds: &Seeds<Seed>) -> String {
    names_of_seeds(seeds.iter().map(|seed| seed.address.to_string()))
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
