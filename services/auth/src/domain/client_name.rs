//! What a program that somebody signs in with is called, for people who read no user agents.

/// A program and what it runs on, by names of our own: what a client says of itself is anybody's text, and is never repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientName {
    pub program: Option<&'static str>,
    pub system: Option<&'static str>,
}

/// What tells a program, and its name. Most say that they are Chrome and Safari as well: the narrower ones first.
const PROGRAMS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// The same of systems. Android says that it is Linux, and iOS that it is like a Mac.
const SYSTEMS: &[(&str, &str)] = &[
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

impl ClientName {
    /// By a user agent. Nothing that it does not know is guessed.
    pub fn of(user_agent: &str) -> Self {
        Self { program: first_in(user_agent, PROGRAMS), system: first_in(user_agent, SYSTEMS) }
    }
}

fn first_in(user_agent: &str, names: &[(&str, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(user_agent: &str) -> (Option<&'static str>, Option<&'static str>) {
        let ClientName { program, system } = ClientName::of(user_agent);
        (program, system)
    }

    #[test]
    fn browsers_are_told_apart_though_most_say_that_they_are_another_too() {
        for (user_agent, program, system) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox", "Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari",
                "Mac",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome",
                "iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
                "Samsung Internet",
                "Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/124.0.0.0",
                "Opera",
                "ChromeOS",
            ),
        ] {
            assert_eq!(named(user_agent), (Some(program), Some(system)), "{user_agent}");
        }
    }

    #[test]
    fn of_what_a_client_says_nothing_is_repeated() {
        assert_eq!(named("Studio/3.1 (Android 15)"), (None, Some("Android")));
        assert_eq!(named("Firefox/145.0"), (Some("Firefox"), None));
        for unknown in ["", "curl/8.15.0", "https://evil.test/ click here", "firefox", "<b>Safari</b>"] {
            assert_eq!(ClientName::of(unknown), ClientName::default(), "{unknown}");
        }
        assert_eq!(
            named("Firefox/1 evil.test <a href='https://evil.test'> on Linux"),
            (Some("Firefox"), Some("Linux"))
        );
    }

    proptest! {
        #[test]
        fn whatever_a_client_says_it_gets_a_name_of_our_own_or_none(
            before in "(?s).{0,40}",
            mark in prop::sample::select(vec!["", "Edg/", "Firefox/", "Safari/", "Android", "Linux", "Mac"]),
            after in "(?s).{0,40}",
        ) {
            let ClientName { program, system } = ClientName::of(&format!("{before}{mark}{after}"));
            let is_ours = |name: Option<&str>, names: &[(&str, &str)]| {
                name.is_none_or(|name| names.iter().any(|(_, ours)| *ours == name))
            };
            prop_assert!(is_ours(program, PROGRAMS) && is_ours(system, SYSTEMS));
            prop_assert!(program.is_some() || !mark.ends_with('/'));
        }
    }
}
