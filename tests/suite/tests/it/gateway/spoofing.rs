//! What a client says about itself in headers: nobody believes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use suite::{Person, Stack, invariants, until};

use super::problem::{is_request_id, problem};
use super::wire::{Wire, request};
use crate::logs::gateway_log_with;

/// Addresses that no test comes from (RFC 5737, RFC 3849). Whoever believes a header remembers one of them.
const FALSE_ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:bad::77"];
const OTHER_TENANT: &str = "01920000-0000-7000-8000-0000000000ff";

/// Headers that some gateway somewhere sets, with the values an impostor would choose.
fn claims(victim: &str) -> Vec<(&'static str, String)> {
    let mut claims: Vec<(&'static str, String)> = Vec::new();
    for name in [
        "X-Forwarded-For",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "X-Originating-IP",
        "X-Remote-IP",
        "X-Remote-Addr",
        "True-Client-IP",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
        "Client-IP",
        "X_Forwarded_For",
        "X_Real_IP",
    ] {
        claims.push((name, FALSE_ADDRESSES[0].to_owned()));
        claims.push((name, FALSE_ADDRESSES[1].to_owned()));
        claims.push((name, format!("{}, 127.0.0.1", FALSE_ADDRESSES[0])));
    }
    for name in [
        "X-User-Id",
        "X-User",
        "X-Userid",
        "X-Authenticated-Userid",
        "X-Forwarded-User",
        "X-Remote-User",
        "Remote-User",
        "X-Auth-Request-User",
        "X-Auth-User",
        "X-Consumer-Custom-Id",
        "X-Webauth-User",
        "X_User_Id",
        "REMOTE_USER",
        "X-Sub",
    ] {
        claims.push((name, victim.to_owned()));
    }
    for name in ["X-Tenant-Id", "X-Tenant", "X-Organization-Id", "X-Realm-Id", "X_Tenant_Id", "Tenant-Id"] {
        claims.push((name, OTHER_TENANT.to_owned()));
    }
    for name in [
        "X-Roles",
        "X-Role",
        "X-User-Roles",
        "X-Groups",
        "X-Forwarded-Groups",
        "X-Permissions",
        "X-Scopes",
        "X_Roles",
    ] {
        claims.push((name, "admin".to_owned()));
    }
    for name in [
        "X-Forwarded-Host",
        "X-Host",
        "X-Forwarded-Server",
        "X-Original-Host",
        "X-HTTP-Host-Override",
        "X_Forwarded_Host",
    ] {
        claims.push((name, "evil.test".to_owned()));
    }
    let others = [
        ("Forwarded", "for=203.0.113.77;host=evil.test;proto=http"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Scheme", "http"),
        ("X-Forwarded-Port", "666"),
        ("X-Forwarded-Prefix", "/internal"),
        ("X-Forwarded-Ssl", "off"),
        ("X-Original-URI", "/internal/v1/events"),
        ("X-Original-URL", "/internal/v1/events"),
        ("X-Rewrite-URL", "/internal/v1/events"),
        ("X-Accel-Redirect", "/_problem"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
        ("X-Internal-Token", "yes"),
        ("X-Service-Token", "yes"),
        ("X-Service", "booking"),
        ("X-Internal", "true"),
        ("X-Debug", "true"),
        ("X-Request-Id", "chosen-by-the-client"),
        ("X-Request-Id", "\"}<script>"),
        ("X-Correlation-Id", "chosen-by-the-client"),
        ("traceparent", "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"),
        ("tracestate", "a=b"),
        ("baggage", "userId=admin,tenantId=other"),
        ("Proxy", "http://evil.test"),
        ("Proxy-Authorization", "Basic YWRtaW46YWRtaW4="),
        ("Via", "1.1 evil.test"),
        ("Cookie", "userId=admin; role=admin; access_token=x"),
        ("Origin", "https://evil.test"),
        ("Referer", "https://evil.test/"),
        ("SSL_CLIENT_VERIFY", "SUCCESS"),
        ("X-Client-Cert", "CN=admin"),
        ("X-SSL-Client-Verify", "SUCCESS"),
    ];
    claims.extend(others.map(|(name, value)| (name, value.to_owned())));
    claims
}

struct Impostor {
    stack: Stack,
    wire: Wire,
    host: String,
    person: Person,
    victim: String,
}

impl Impostor {
    async fn new() -> Self {
        let stack = Stack::attach().await;
        let (wire, host) = (Wire::to(&stack), format!("app.{}", stack.domain));
        let person = stack.sign_up("en").await;
        let victim = stack.admin().await.user_id.to_string();
        Self { stack, wire, host, person, victim }
    }

    /// Whose profile somebody with these headers is shown, and which role they act under.
    fn assert_still_themselves(&self, what: &str, headers: &[(&str, &str)]) {
        let bearer = format!("Bearer {}", self.person.member.token);
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let profile = self.wire.ask(&self.host, &request("GET", "/api/user/profile", &self.host, &all, b""));
        assert_eq!(profile.status, 200, "{what}: {profile:?}");
        let found = profile.json();
        assert_eq!(found["userId"], self.person.user_id().to_string(), "{what}: {found:#}");
        assert_eq!(found["roles"], json!(["member"]), "{what}: {found:#}");
        assert_ne!(found["tenantId"], OTHER_TENANT, "{what}: {found:#}");
        let id = profile.header("x-request-id").unwrap_or_default();
        assert!(is_request_id(id) && !id.contains("aaaaaaaa"), "{what}: {id}");

        all.push(("Content-Type", "application/json"));
        let class = json!({ "title": "Taken", "durationMinutes": 60, "creditCost": 1 }).to_string();
        let refused =
            self.wire.ask(&self.host, &request("POST", "/api/classes", &self.host, &all, class.as_bytes()));
        assert_eq!(
            (refused.status, &problem(what, &refused)["code"]),
            (403, &json!("permission_denied")),
            "{what}"
        );

        let nobody =
            self.wire.ask(&self.host, &request("GET", "/api/user/profile", &self.host, headers, b""));
        assert_eq!(
            (nobody.status, &problem(what, &nobody)["code"]),
            (401, &json!("unauthenticated")),
            "{what}"
        );
    }
}

#[tokio::test]
async fn no_header_makes_somebody_another_person_or_gives_a_role_or_a_tenant() {
    let impostor = Impostor::new().await;
    let claims = claims(&impostor.victim);
    for (name, value) in &claims {
        impostor.assert_still_themselves(&format!("{name}: {value}"), &[(name, value)]);
        let twice = [(*name, value.as_str()), (*name, "another")];
        impostor.assert_still_themselves(&format!("{name} twice"), &twice);
    }
    // The server reads at most 8 KiB per line and 32 KiB of headers: all of them at once still fit.
    let together: Vec<(&str, &str)> = claims.iter().map(|(name, value)| (*name, value.as_str())).collect();
    impostor.assert_still_themselves("all claims together", &together);
    invariants::check(&impostor.stack).await;
}

#[tokio::test]
async fn two_authorizations_are_none() {
    let impostor = Impostor::new().await;
    let (own, admin) = (impostor.person.member.token.clone(), impostor.stack.admin().await.token);
    let (own, admin) = (format!("Bearer {own}"), format!("Bearer {admin}"));
    let joined = format!("{own}, {admin}");
    for headers in [
        vec![("Authorization", own.as_str()), ("Authorization", admin.as_str())],
        vec![("Authorization", admin.as_str()), ("authorization", own.as_str())],
        vec![("Authorization", joined.as_str())],
        vec![("Authorization", "Basic YWRtaW46YWRtaW4=")],
        vec![("Proxy-Authorization", admin.as_str())],
        vec![("X-Authorization", admin.as_str())],
        vec![("Cookie", joined.as_str())],
    ] {
        let reply = impostor
            .wire
            .ask(&impostor.host, &request("GET", "/api/user/profile", &impostor.host, &headers, b""));
        assert!(matches!(reply.status, 400 | 401), "{headers:?}: {reply:?}");
        problem("two authorizations", &reply);
    }
    invariants::check(&impostor.stack).await;
}

#[tokio::test]
async fn a_host_is_one_of_ours_or_gets_no_answer() {
    let impostor = Impostor::new().await;
    let (ours, domain) = (&impostor.host, &impostor.stack.domain);
    let bearer = format!("Bearer {}", impostor.person.member.token);
    let own = impostor.person.user_id().to_string();
    let ask = |lines: &str| {
        let text = format!(
            "GET /api/user/profile HTTP/1.1\r\nConnection: close\r\nAuthorization: {bearer}\r\n{lines}\r\n"
        );
        impostor.wire.ask(ours, text.as_bytes())
    };
    for host in [
        ours.clone(),
        ours.to_ascii_uppercase(),
        format!("{ours}:{}", impostor.stack.gateway_port),
        format!("{ours}:1"),
        format!("{ours}."),
    ] {
        let reply = ask(&format!("Host: {host}\r\n"));
        assert_eq!(
            (reply.status, reply.json()["userId"].as_str()),
            (200, Some(own.as_str())),
            "{host}: {reply:?}"
        );
    }
    for lines in [
        "Host: evil.test\r\n".to_owned(),
        "Host: 127.0.0.1\r\n".to_owned(),
        "Host: [::1]\r\n".to_owned(),
        "Host: localhost\r\n".to_owned(),
        format!("Host: {domain}\r\n"),
        format!("Host: ghost.{domain}\r\n"),
        format!("Host: mail.{domain}\r\n"),
        format!("Host: pay.{domain}\r\n"),
        format!("Host: app.{domain}.evil.test\r\n"),
        format!("Host: evil.test#{ours}\r\n"),
        format!("Host: evil.test/{ours}\r\n"),
        format!("Host: {ours}@evil.test\r\n"),
        format!("Host: {ours}, evil.test\r\n"),
        format!("Host: {ours} evil.test\r\n"),
        format!("Host: {ours}\r\nHost: evil.test\r\n"),
        format!("Host: {ours}\r\nhost: {ours}\r\n"),
        format!("Host : {ours}\r\n"),
        "Host: \r\n".to_owned(),
        "Host:\r\n".to_owned(),
        String::new(),
    ] {
        let reply = ask(&lines);
        assert!(matches!(reply.status, 400 | 404 | 421), "{lines:?}: {reply:?}");
        problem(&lines, &reply);
    }
    invariants::check(&impostor.stack).await;
}

#[tokio::test]
async fn v18_an_address_that_a_header_claims_is_remembered_nowhere() {
    let stack = Stack::attach().await;
    let (email, password) =
        (format!("{}@{}", stack.fresh("claimant"), stack.domain), stack.fresh("Passw0rd"));
    let claimed = |call: suite::Call| {
        let [v4, v6] = FALSE_ADDRESSES;
        let call = call.header("x-forwarded-for", v4).header("x-real-ip", v4).header("true-client-ip", v6);
        call.header("forwarded", &format!("for={v4}"))
            .header("x-client-ip", v6)
            .header("cf-connecting-ip", v4)
    };
    let signup = json!({ "email": email, "password": password, "name": "Camille", "locale": "en" });
    claimed(stack.post("/api/auth/signup")).json(&signup).send().await.expect(202);
    let token = stack.verification_token(&email).await;
    claimed(stack.post("/api/auth/email/verify")).json(&json!({ "token": token })).send().await.expect(204);
    let credentials = json!({ "email": email, "password": password });
    let answer = claimed(stack.post("/api/auth/signin")).json(&credentials).send().await.expect(200);
    let refresh = json!({ "refreshToken": answer.text("refreshToken") });
    let answer = claimed(stack.post("/api/auth/refresh")).json(&refresh).send().await.expect(200);
    // Last of the sign-ins: after it, the next has to wait.
    let wrong = json!({ "email": email, "password": "not this one" });
    claimed(stack.post("/api/auth/signin")).json(&wrong).send().await.expect(401);
    let bearer = answer.text("accessToken");
    let last = claimed(stack.get("/api/credits/wallet").bearer(&bearer)).send().await.expect(200);
    let last_id = last.headers["x-request-id"].to_str().expect("an id").to_owned();

    let remembered = everything_remembered(&stack, &last_id).await;
    assert!(remembered.contains(&email), "the search finds what is there");
    assert!(remembered.contains("127.0.0.1"), "the limits count the address that the connection came from");
    for address in FALSE_ADDRESSES {
        assert!(!remembered.contains(address), "{address} is believed: {}", around(&remembered, address));
    }
    invariants::check(&stack).await;
}

/// Attempts are counted by where the connection to the gateway came from. What the gateway hands on is counted by the /64 of
/// an IPv6 address, and by the IPv4 address that a mapped one means.
#[tokio::test]
async fn v18_attempts_are_counted_by_the_network_of_the_connection() {
    let stack = Stack::attach().await;
    stack.flush_redis().await;
    let guess =
        || json!({ "email": format!("{}@{}", stack.fresh("nobody"), stack.domain), "password": "a guess" });
    for claimed in ["203.0.113.77", "::ffff:203.0.113.77", "2001:db8:bad::77", "::1", "127.0.0.2", "nonsense"]
    {
        let call =
            stack.post("/api/auth/signin").header("x-forwarded-for", claimed).header("x-real-ip", claimed);
        let call = call.header("forwarded", &format!("for=\"[{claimed}]\"")).json(&guess());
        call.send().await.expect(401);
    }
    let auth = stack.processes_of("auth").await;
    let listener = format!("http://127.0.0.1:{}/api/auth/signin", auth[0].ports[0]);
    let subscriber = ["2001:db8:5:5::1", "2001:db8:5:5:ffff::2", "2001:0DB8:5:5:0:0:0:3"];
    for address in subscriber.into_iter().chain(["198.51.100.9", "::ffff:198.51.100.9", "::ffff:c633:6409"]) {
        let call =
            stack.call(Method::POST, listener.clone()).header("host", &format!("app.{}", stack.domain));
        call.header("x-real-ip", address).json(&guess()).send().await.expect(401);
    }
    let keys = stack.redis_keys().await;
    let networks = keys.lines().filter_map(|key| key.strip_prefix("auth:limit:signin_network:"));
    let networks: BTreeSet<&str> = networks.collect();
    assert_eq!(networks, BTreeSet::from(["127.0.0.1", "198.51.100.9", "2001:db8:5:5::/64"]), "{keys}");
    invariants::check(&stack).await;
}

/// Every row of the platform's database, every key of Redis, and the gateway's log, which holds the request `last_id`.
async fn everything_remembered(stack: &Stack, last_id: &str) -> String {
    let mut text = String::new();
    let mut superuser = stack.superuser().await;
    let tables = superuser
        .rows(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
               WHERE schemaname IN ('auth', 'credits', 'booking', 'notify')",
        )
        .await;
    assert!(tables.len() > 20, "{tables:?}");
    for table in tables.iter().filter_map(|table| table["name"].as_str()) {
        for row in
            superuser.rows(&format!("SELECT row FROM (SELECT t::text AS row FROM {table} t) all_rows")).await
        {
            let _ = writeln!(text, "{table} {}", row["row"].as_str().unwrap_or_default());
        }
    }
    text.push_str(&stack.redis_keys().await);
    let written = gateway_log_with(stack, last_id).await;
    text + &written
}

fn around(text: &str, needle: &str) -> String {
    text.lines().filter(|line| line.contains(needle)).take(3).collect::<Vec<_>>().join("\n")
}

/// Every address of the web that a mail names.
fn links(mail: &Value) -> Vec<String> {
    let text = format!(
        "{} {}",
        mail["text"].as_str().unwrap_or_default(),
        mail["html"].as_str().unwrap_or_default()
    );
    let mut links = Vec::new();
    for (start, _) in text.match_indices("http") {
        let link: String = text[start..]
            .chars()
            .take_while(|letter| !letter.is_whitespace() && !"\"'<>)".contains(*letter))
            .collect();
        if link.starts_with("http://") || link.starts_with("https://") {
            links.push(link);
        }
    }
    links
}

#[tokio::test]
async fn links_in_mails_lead_to_the_configured_address_whatever_the_request_said() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let host = format!("app.{}", stack.domain);
    let ours = stack.url("/");
    let known = stack.sign_up("en").await;
    let odd_hosts = [host.clone(), format!("{host}:666"), host.to_ascii_uppercase(), format!("{host}.")];
    for odd_host in odd_hosts {
        for email in [format!("{}@{}", stack.fresh("linked"), stack.domain), known.email.clone()] {
            let before = stack.mails_to(&email).await.len();
            let headers = [
                ("Content-Type", "application/json"),
                ("X-Forwarded-Host", "evil.test"),
                ("X-Forwarded-Proto", "http"),
                ("X-Forwarded-Port", "666"),
                ("X-Forwarded-Prefix", "/evil"),
                ("X-Original-Host", "evil.test"),
                ("X-Host", "evil.test"),
                ("X-Forwarded-Server", "evil.test"),
                ("Forwarded", "host=evil.test;proto=http"),
                ("Origin", "https://evil.test"),
                ("Referer", "https://evil.test/signup"),
            ];
            let body = json!({ "email": email, "password": stack.fresh("Passw0rd"), "name": "Linda", "locale": "en" });
            let bytes = request("POST", "/api/auth/signup", &odd_host, &headers, body.to_string().as_bytes());
            let reply = wire.ask(&host, &bytes);
            assert_eq!(reply.status, 202, "{odd_host}: {reply:?}");
            let mail = until("the mail has come", async || {
                let mails = stack.mails_to(&email).await;
                (mails.len() > before).then(|| mails[0].clone())
            })
            .await;
            // None of these can stand in a token or an id by chance.
            for foreign in ["evil.test", "/evil", ":666"] {
                assert!(!mail.to_string().contains(foreign), "{odd_host}: {foreign} in {mail:#}");
            }
            for link in links(&mail) {
                assert!(link.starts_with(&ours), "{odd_host}: {link}");
            }
            assert!(!links(&mail).is_empty() || email == known.email, "{mail:#}");
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_clients_own_request_id_is_logged_and_never_adopted() {
    let stack = Stack::attach().await;
    let chosen = stack.fresh("client");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let call =
        stack.get("/api/credits/packages").header("x-request-id", &chosen).header("traceparent", &parent);
    let answer = call.send().await.expect(200);
    let id = answer.headers["x-request-id"].to_str().expect("an id").to_owned();
    assert!(is_request_id(&id) && id != trace, "{id}");
    assert_ne!(id, chosen);
    let log = gateway_log_with(&stack, &id).await;
    let line = log.lines().find(|line| line.contains(&id)).expect("a line");
    let line: Value = serde_json::from_str(line).expect("the log is JSON");
    assert_eq!(
        (line["requestId"].as_str(), line["clientRequestId"].as_str()),
        (Some(id.as_str()), Some(chosen.as_str()))
    );
    assert_eq!(line["address"], "127.0.0.1");
    assert_eq!(line["path"], "/api/credits/packages");
    invariants::check(&stack).await;
}
