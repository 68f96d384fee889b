//! `MASKER_CALLBACK_ALLOW`: hosts of the operator's private network that callbacks may connect to.

use std::net::IpAddr;
use std::str::FromStr;

use super::network::Network;

/// A comma-separated list of hosts and networks; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackAllow {
    hosts: Vec<String>,
    networks: Vec<Network>,
}

impl CallbackAllow {
    /// The format, for error messages.
    pub const FORM: &'static str = "a comma-separated list of host names, addresses and networks such as 10.0.0.0/8";

    /// Whether the list contains this host name.
    pub fn names(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether one of the networks contains this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

impl FromStr for CallbackAllow {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut allow = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry.parse() {
                Ok(network) => allow.networks.push(network),
                Err(()) if is_host(entry) => allow.hosts.push(entry.to_owned()),
                Err(()) => return Err(()),
            }
        }
        Ok(allow)
    }
}

/// Whether this can be a host name. A last label of digits only is a mistyped address.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_networks_are_told_apart() {
        let allow: CallbackAllow = "assistants.internal, 10.0.0.0/8,::1,192.168.1.7".parse().expect("a list");
        assert!(allow.names("Assistants.INTERNAL") && !allow.names("internal"));
        for (address, is_in) in
            [("10.255.0.1", true), ("11.0.0.1", false), ("::1", true), ("192.168.1.7", true), ("192.168.1.8", false)]
        {
            assert_eq!(allow.contains(address.parse().expect("an address")), is_in, "{address}");
        }
        for wrong in ["10.0.0.0/33", "10.0.0", "http://x", "x y", "*", "a..b", "::1/129", "x:80"] {
            assert_eq!(wrong.parse::<CallbackAllow>(), Err(()), "{wrong}");
        }
    }
}
