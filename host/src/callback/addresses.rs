//! Addresses that a callback may connect to: public ones, and those that the operator allows.
//!
//! Names are resolved here and the connection uses the checked addresses, which prevents DNS rebinding.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

use crate::config::CallbackAllow;

/// No address of the host is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no address of the host is allowed")]
pub(super) struct NotAllowed;

impl NotAllowed {
    /// Whether this error is in the source chain of another.
    pub(super) fn is_in(error: &(dyn Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = match error.downcast_ref::<io::Error>() {
                // The `source` of an `io::Error` skips its inner error.
                Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        false
    }
}

/// Whether the host of a URL is allowed. A host name that is not an address always is; it is checked when it is
/// resolved.
pub(super) fn may_be_named(host: &str, allow: &CallbackAllow) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().map_or(true, |address| may_be(address, allow))
}

fn may_be(address: IpAddr, allow: &CallbackAllow) -> bool {
    allow.contains(address) || is_public(address)
}

/// A resolver that filters out addresses that are not allowed.
#[derive(Clone)]
pub(super) struct Checked {
    names: GaiResolver,
    allow: Arc<CallbackAllow>,
}

impl Checked {
    pub(super) fn new(allow: Arc<CallbackAllow>) -> Self {
        Self { names: GaiResolver::new(), allow }
    }
}

type AllowedAddresses = Result<std::vec::IntoIter<SocketAddr>, Box<dyn Error + Send + Sync>>;

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = AllowedAddresses> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.names.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow = self.allow.clone();
        let is_named = allow.names(name.as_str());
        let found = self.names.call(name);
        Box::pin(async move {
            let all = found.await?;
            let kept: Vec<_> = all.filter(|address| is_named || may_be(address.ip(), &allow)).collect();
            if kept.is_empty() { Err(NotAllowed.into()) } else { Ok(kept.into_iter()) }
        })
    }
}

/// Whether an address is publicly routable.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match inner_v4(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        // "This network", carrier-grade NAT, protocol assignments, benchmarking, reserved.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !is_special
}

/// Only 2000::/3 is allocated; the ranges in it for documentation and protocol assignments are excluded.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_special = a == 0x2001 && (b < 0x200 || b == 0xdb8) || a == 0x3fff && b < 0x1000;
    (0x2000..0x4000).contains(&a) && !is_special
}

/// The IPv4 address embedded in an IPv6 address: mapped, compatible, NAT64 or 6to4.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => of(g, h),
        (0x2002, ..) => of(b, c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are() {
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "203.0.113.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn a_host_that_is_an_address_is_judged_before_it_is_asked() {
        let allow: CallbackAllow = "10.0.0.0/8".parse().expect("a list");
        for (host, may) in [("127.0.0.1", false), ("[::1]", false), ("10.1.1.1", true), ("8.8.8.8", true), ("x", true)]
        {
            assert_eq!(may_be_named(host, &allow), may, "{host}");
        }
        assert!(may_be_named("[::ffff:10.0.0.1]", &allow) && !may_be_named("[::ffff:127.0.0.1]", &allow));
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let resolve = async |allow: &str| {
            let mut names = Checked::new(Arc::new(allow.parse().expect("a list")));
            names.call("localhost".parse().expect("a name")).await
        };
        let refused = resolve("10.0.0.0/8").await.expect_err("loopback is not public");
        assert!(NotAllowed::is_in(&*refused));
        for allow in ["localhost", "127.0.0.0/8, ::1"] {
            assert!(resolve(allow).await.is_ok_and(|mut found| found.next().is_some()), "{allow}");
        }
    }
}
