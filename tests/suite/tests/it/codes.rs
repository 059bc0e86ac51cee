//! Finding short codes in texts that are full of digits.

/// What a code is called by whoever writes it down.
const NAMES: [&str; 5] = ["code", "otp", "totp", "mfa", "secret"];
/// So far before a code its name may stand, with whatever quotes and escapes lie between.
const NEAR: usize = 24;

/// Does a text show this code as one: by itself, soon after a word that says what it is? Six digits stand in any log by chance.
pub fn shows(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(place, _)| {
        let (before, after) = (&text[..place], &text[place + code.len()..]);
        let near: String = before.chars().rev().take(NEAR).collect::<Vec<_>>().into_iter().rev().collect();
        let near = near.to_ascii_lowercase();
        stands_alone(before, after) && NAMES.iter().any(|name| near.contains(name))
    })
}

/// Does it stand in it by itself at all?
pub fn holds(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(place, _)| stands_alone(&text[..place], &text[place + code.len()..]))
}

/// Escapes of an address end in a digit or a letter.
fn stands_alone(before: &str, after: &str) -> bool {
    let tail = before.get(before.len().saturating_sub(3)..).unwrap_or_default().to_ascii_lowercase();
    let escaped = ["%22", "%3a", "%3d", "%20"].contains(&tail.as_str());
    (escaped || !before.ends_with(|c: char| c.is_ascii_alphanumeric()))
        && !after.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[test]
fn a_code_is_found_however_it_is_written_down() {
    for text in [
        r#"{"email":"a@b.c","code":"314159"}"#,
        r#"{"message":"{\"code\":\"314159\"}"}"#,
        r#"{"body": {"otpCode": "314159"}}"#,
        "email=a%40b.c&code=314159&x=1",
        "/path?code=314159",
        "%7B%22code%22%3A%22314159%22%7D",
        "VerifyRequest { email: .., code: Some(\"314159\") }",
        "your code is 314159.",
    ] {
        assert!(shows(text, "314159"), "{text}");
    }
    for text in [
        r#"{"code":"not_found","requestId":"9b314159c0ffee00"}"#,
        r#"{"elapsed_us":314159,"status":200}"#,
        r#"{"code":"not_found","path":"/api/classes","bytes":314159}"#,
        r#"{"code":"3141592"}"#,
    ] {
        assert!(!shows(text, "314159"), "{text}");
    }
    assert!(holds("\u{6}314159\u{12}", "314159") && !holds("a314159", "314159"));
}
