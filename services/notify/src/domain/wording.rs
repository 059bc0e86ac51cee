//! Dates and amounts as a person writes them.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use shinkofa_kernel::{Currency, Money};
use shinkofa_web::Locale;

const DAYS_FR: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Writes for one person: in their language, by the clock of the studio they deal with.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    pub locale: Locale,
    pub zone: Tz,
}

impl Wording {
    /// `Tuesday 1 December 2026`, `mardi 1er décembre 2026`.
    pub fn day(&self, at: DateTime<Utc>) -> String {
        self.written_day(&at.with_timezone(&self.zone))
    }

    /// `Tuesday 1 December 2026 at 10:30 (Europe/Paris)`.
    pub fn instant(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        let (day, time) = (self.written_day(&local), self.written_time(&local));
        match self.locale {
            Locale::French => format!("{day} à {time} ({})", self.zone),
            Locale::English => format!("{day} at {time} ({})", self.zone),
        }
    }

    /// `Tuesday 1 December 2026 from 10:30 to 11:30 (Europe/Paris)`.
    pub fn span(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
        let (start, end) = (from.with_timezone(&self.zone), to.with_timezone(&self.zone));
        let (day, begins) = (self.written_day(&start), self.written_time(&start));
        let ends = if start.date_naive() == end.date_naive() {
            self.written_time(&end)
        } else {
            format!("{} {}", self.written_day(&end), self.written_time(&end))
        };
        match self.locale {
            Locale::French => format!("{day} de {begins} à {ends} ({})", self.zone),
            Locale::English => format!("{day} from {begins} to {ends} ({})", self.zone),
        }
    }

    /// `99.99 EUR`, `99,99 EUR`.
    pub fn amount(&self, minor: i64, currency: Currency) -> String {
        let written = Money { minor, currency }.to_string();
        match self.locale {
            Locale::French => written.replace('.', ","),
            Locale::English => written,
        }
    }

    /// `Firefox on Linux`, `Firefox sur Linux`.
    pub fn device(&self, program: Option<&str>, system: Option<&str>) -> String {
        match (program, system, self.locale) {
            (Some(program), Some(system), Locale::French) => format!("{program} sur {system}"),
            (Some(program), Some(system), Locale::English) => format!("{program} on {system}"),
            (Some(known), None, _) | (None, Some(known), _) => known.to_owned(),
            (None, None, Locale::French) => "non reconnu".to_owned(),
            (None, None, Locale::English) => "not recognised".to_owned(),
        }
    }

    fn written_day(&self, local: &DateTime<Tz>) -> String {
        let weekday = local.weekday().num_days_from_monday() as usize;
        let (day, month, year) = (local.day(), local.month0() as usize, local.year());
        match self.locale {
            Locale::French => {
                let ordinal = if day == 1 { "er" } else { "" };
                format!("{} {day}{ordinal} {} {year}", DAYS_FR[weekday], MONTHS_FR[month])
            }
            Locale::English => format!("{} {day} {} {year}", DAYS_EN[weekday], MONTHS_EN[month]),
        }
    }

    fn written_time(&self, local: &DateTime<Tz>) -> String {
        match self.locale {
            Locale::French => format!("{} h {:02}", local.hour(), local.minute()),
            Locale::English => format!("{:02}:{:02}", local.hour(), local.minute()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const FR: Wording = Wording { locale: Locale::French, zone: Tz::Europe__Paris };
    const EN: Wording = Wording { locale: Locale::English, zone: Tz::Europe__Paris };

    #[test]
    fn instants_are_told_by_the_studios_clock_in_the_persons_language() {
        assert_eq!(
            FR.instant(at("2026-12-01T09:05:00Z")),
            "mardi 1er décembre 2026 à 10 h 05 (Europe/Paris)"
        );
        assert_eq!(EN.instant(at("2026-12-01T09:05:00Z")), "Tuesday 1 December 2026 at 10:05 (Europe/Paris)");
    }

    #[test]
    fn summer_time_and_the_date_line_follow_the_zone() {
        assert_eq!(EN.instant(at("2026-07-14T22:30:00Z")), "Wednesday 15 July 2026 at 00:30 (Europe/Paris)");
        let tokyo = Wording { zone: Tz::Asia__Tokyo, ..FR };
        assert_eq!(tokyo.day(at("2026-08-01T20:00:00Z")), "dimanche 2 août 2026");
    }

    #[test]
    fn a_span_names_the_second_day_only_when_it_is_another() {
        assert_eq!(
            EN.span(at("2026-12-02T17:00:00Z"), at("2026-12-02T18:30:00Z")),
            "Wednesday 2 December 2026 from 18:00 to 19:30 (Europe/Paris)"
        );
        assert_eq!(
            FR.span(at("2026-12-02T22:30:00Z"), at("2026-12-03T00:00:00Z")),
            "mercredi 2 décembre 2026 de 23 h 30 à jeudi 3 décembre 2026 1 h 00 (Europe/Paris)"
        );
    }

    #[test]
    fn amounts_have_a_decimal_comma_in_french() {
        assert_eq!(FR.amount(9999, Currency::EUR), "99,99 EUR");
        assert_eq!(EN.amount(9999, Currency::EUR), "99.99 EUR");
        assert_eq!(FR.amount(500, "JPY".parse().unwrap()), "500 JPY");
    }

    #[test]
    fn a_device_is_called_by_what_is_known_of_it() {
        assert_eq!(FR.device(Some("Firefox"), Some("Linux")), "Firefox sur Linux");
        assert_eq!(EN.device(Some("Firefox"), Some("Linux")), "Firefox on Linux");
        assert_eq!(
            (EN.device(Some("Edge"), None), EN.device(None, Some("Mac"))),
            ("Edge".into(), "Mac".into())
        );
        assert_eq!(
            (FR.device(None, None), EN.device(None, None)),
            ("non reconnu".into(), "not recognised".into())
        );
    }
}
