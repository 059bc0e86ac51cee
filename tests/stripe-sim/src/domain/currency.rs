//! Currencies and the rules of their amounts (Stripe: "Supported currencies").

use serde::{Deserialize, Serialize};

use super::rejection::Rejection;

/// The presentment currencies of Stripe, in lower case.
const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd \
bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp \
gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt \
lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr \
pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs \
tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw";

const WITHOUT_MINOR_UNIT: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";
const THREE_DECIMALS: &str = "bhd jod kwd omr tnd";

/// Stripe takes at most eight digits.
const LARGEST: i64 = 99_999_999;

/// A currency that Stripe takes, kept in lower case as its API writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Reads a code in any case.
    pub fn parse(code: &str) -> Option<Self> {
        let code = code.to_ascii_lowercase();
        listed(SUPPORTED, &code).then_some(Self(code))
    }

    /// Digits after the point in Stripe's integer amounts. Iceland's and Uganda's money have no
    /// minor unit, yet Stripe writes them with two digits.
    pub fn exponent(&self) -> u32 {
        if listed(WITHOUT_MINOR_UNIT, &self.0) {
            0
        } else if listed(THREE_DECIMALS, &self.0) {
            3
        } else {
            2
        }
    }

    /// Every amount is a multiple of this: three-decimal currencies end in a zero, and the two that
    /// have no minor unit in spite of their two digits end in `00`.
    fn step(&self) -> i64 {
        match self.0.as_str() {
            "isk" | "ugx" => 100,
            _ if self.exponent() == 3 => 10,
            _ => 1,
        }
    }

    /// The least that a payment may be. Stripe converts for the currencies without a listed
    /// minimum; here they only have to be positive.
    pub fn minimum(&self) -> i64 {
        match self.0.as_str() {
            "aed" => 200,
            "bgn" => 100,
            "czk" => 1500,
            "dkk" => 250,
            "gbp" => 30,
            "hkd" => 400,
            "huf" => 17_500,
            "jpy" => 50,
            "mxn" => 1000,
            "myr" | "pln" | "ron" => 200,
            "nok" | "sek" => 300,
            "thb" => 1000,
            "aud" | "brl" | "cad" | "chf" | "eur" | "inr" | "nzd" | "sgd" | "usd" => 50,
            _ => 1,
        }
    }

    /// Checks one unit amount as the parameter `param` gave it.
    pub fn check_unit_amount(&self, amount: i64, param: &str) -> Result<(), Rejection> {
        if amount < 0 {
            return Err(Rejection::invalid("Invalid non-negative integer")
                .about(param)
                .coded("parameter_invalid_integer"));
        }
        if amount % self.step() != 0 {
            return Err(Rejection::invalid(format!(
                "Invalid amount: amounts in {} must be a multiple of {}.",
                self.0,
                self.step()
            ))
            .about(param)
            .coded("invalid_charge_amount"));
        }
        self.check_largest(amount, param)
    }

    /// Checks what a payment adds up to.
    pub fn check_total(&self, amount: i64) -> Result<(), Rejection> {
        if amount < self.minimum() {
            return Err(Rejection::invalid(format!(
                "The Checkout Session's total amount due must add up to at least {}.",
                self.write(self.minimum())
            ))
            .coded("amount_too_small"));
        }
        self.check_largest(amount, "line_items")
    }

    fn check_largest(&self, amount: i64, param: &str) -> Result<(), Rejection> {
        if amount > LARGEST {
            return Err(Rejection::invalid(format!("Amount must be no more than {}.", self.write(LARGEST)))
                .about(param)
                .coded("amount_too_large"));
        }
        Ok(())
    }

    /// The amount as a person reads it: `19.00 EUR`, `500 JPY`.
    pub fn write(&self, amount: i64) -> String {
        let code = self.0.to_ascii_uppercase();
        let exponent = self.exponent() as usize;
        if exponent == 0 {
            return format!("{amount} {code}");
        }
        let digits = format!("{amount:0width$}", width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        format!("{whole}.{fraction} {code}")
    }
}

fn listed(list: &str, code: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn amounts_are_written_with_the_digits_of_their_currency() {
        assert_eq!(currency("EUR").write(1905), "19.05 EUR");
        assert_eq!(currency("eur").write(5), "0.05 EUR");
        assert_eq!(currency("jpy").write(500), "500 JPY");
        assert_eq!(currency("kwd").write(1230), "1.230 KWD");
    }

    #[test]
    fn an_amount_must_fit_the_currency() {
        assert!(currency("eur").check_total(50).is_ok());
        assert_eq!(currency("eur").check_total(49).unwrap_err().code, Some("amount_too_small"));
        assert!(currency("jpy").check_total(50).is_ok());
        assert!(currency("kwd").check_unit_amount(1235, "a").is_err());
        assert!(currency("ugx").check_unit_amount(150, "a").is_err());
        assert!(currency("eur").check_unit_amount(-1, "a").is_err());
        assert!(currency("eur").check_total(100_000_000).is_err());
        assert!(Currency::parse("eurx").is_none());
    }
}
