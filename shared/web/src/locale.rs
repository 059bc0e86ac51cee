//! French or English, as the person asks.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use shinkofa_kernel::text_enum;

text_enum! {
    /// A language this platform speaks.
    Locale {
        French => "fr",
        English => "en",
    }
}

/// One sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub en: String,
    pub fr: String,
}

impl Message {
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { en: en.into(), fr: fr.into() }
    }

    pub fn in_locale(&self, locale: Locale) -> &str {
        match locale {
            Locale::French => &self.fr,
            Locale::English => &self.en,
        }
    }
}

impl Locale {
    /// The language of `Accept-Language` (RFC 9110 section 12.5.4) with the greatest weight; English when none fits.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .and_then(Self::negotiate)
            .unwrap_or(Self::English)
    }

    fn negotiate(header: &str) -> Option<Self> {
        let weighted = header.split(',').filter_map(|range| {
            let mut parts = range.trim().split(';');
            let tag = parts.next()?.trim();
            let weight = parts
                .find_map(|parameter| parameter.trim().strip_prefix("q="))
                .map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
            let locale = match tag.split('-').next()?.to_ascii_lowercase().as_str() {
                "fr" => Self::French,
                "en" => Self::English,
                _ => return None,
            };
            (weight > 0.0).then_some((locale, weight))
        });
        weighted
            .fold(None, |best: Option<(Self, f32)>, next| match best {
                Some(best) if best.1 >= next.1 => Some(best),
                _ => Some(next),
            })
            .map(|(locale, _)| locale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_that_we_speak_wins() {
        assert_eq!(Locale::negotiate("fr-CH, en;q=0.9"), Some(Locale::French));
        assert_eq!(Locale::negotiate("de, fr;q=0.3, en;q=0.8"), Some(Locale::English));
        assert_eq!(Locale::negotiate("fr;q=0, en;q=0.1"), Some(Locale::English));
        assert_eq!(Locale::negotiate("ja"), None);
    }
}
