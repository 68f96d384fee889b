//! Rate limits per account: `sustained:burst`, as in `30:60`.

use std::num::NonZeroU32;
use std::str::FromStr;

/// A rate limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Sustained requests per second.
    pub sustained: NonZeroU32,
    /// Burst size.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The format, for error messages.
    pub const FORM: &'static str = "SUSTAINED:BURST, requests per second and burst size, each from 1 to 1000000";
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (sustained, burst) = text.split_once(':').ok_or(())?;
        Ok(Self { sustained: count(sustained)?, burst: count(burst)? })
    }
}

fn count(text: &str) -> Result<NonZeroU32, ()> {
    // `parse` also accepts a plus sign.
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    let count: NonZeroU32 = text.parse().map_err(|_| ())?;
    if count.get() <= 1_000_000 { Ok(count) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_two_counts() {
        let rate: Rate = "30:60".parse().expect("a rate");
        assert_eq!((rate.sustained.get(), rate.burst.get()), (30, 60));
        for wrong in
            ["", "30", "30:", ":60", "0:60", "30:0", "-1:2", "+1:2", "1.5:2", "30:60:90", " 30:60", "1:1000001", "x:y"]
        {
            assert_eq!(wrong.parse::<Rate>(), Err(()), "{wrong}");
        }
    }
}
