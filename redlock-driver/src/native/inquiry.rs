//! Asking a server for something else than a lock, over a connection that is closed afterwards.

use redlock_core::Unavailable;
use redlock_core::resp::{Inquiry, Statement};
use redlock_core::system::not_sent;

use super::transport::converse;
use crate::net::{Address, Network, TlsSettings, open};

/// Connects to a server and returns what it answers.
pub(super) async fn ask<N: Network>(
    network: &N,
    address: &Address,
    tls: Option<&TlsSettings>,
    mut inquiry: Inquiry,
) -> Result<Statement, Unavailable> {
    let mut stream = open(network, address, tls).await.map_err(|why| not_sent(&why))?;
    converse(&mut stream, address, &mut inquiry, Inquiry::poll).await
}
