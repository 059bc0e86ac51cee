//! The rendered gateway on a real Nginx, before services that only repeat what reached them.

mod cors;
mod logs;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use super::{Shape, TenantDomain};
use crate::certificates;
use crate::installation::find_program;
use crate::manifest::Manifest;
use crate::settings::Limits;
use crate::wait;

const DOMAIN: &str = "shinkofa.localhost";
const OUR_PAGE: &str = "https://studio.shinkofa.localhost:8443";

struct Trial {
    folder: tempfile::TempDir,
    nginx: Child,
    http: u16,
    https: u16,
}

/// What a client got.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// What the service saw, if the request reached one.
    fn seen(&self, header: &str) -> Vec<&str> {
        self.body
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case(header))
            .map(|(_, value)| value)
            .collect()
    }
}

impl Trial {
    fn start() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Shape)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        let (certificate, key, authority) = certificates::for_trial(DOMAIN, &["app", "mail", "pay"]);
        std::fs::write(base.join("c"), certificate).unwrap();
        std::fs::write(base.join("k"), key).unwrap();
        std::fs::write(base.join("ca"), authority).unwrap();
        let echo = start_echo();
        let manifest = Manifest::parse(include_str!("../../../services.toml")).unwrap();
        let upstreams =
            manifest.services.iter().map(|service| (service.name.clone(), vec![format!("127.0.0.1:{echo}")]));
        let (http, https) = (free_port(), free_port());
        let mut shape = Shape {
            domain: DOMAIN.to_owned(),
            listen: vec!["127.0.0.1".parse().unwrap()],
            http_port: http,
            https_port: https,
            public_https_port: https,
            certificate: base.join("c"),
            key: base.join("k"),
            pid_file: base.join("pid"),
            access_log: base.join("access.log"),
            open_files: 4096,
            limits: Limits::Relaxed,
            trusted_proxies: Vec::new(),
            upstreams: upstreams.collect(),
            development: true,
            origins: vec![OUR_PAGE.to_owned()],
            more_origins: Vec::new(),
            tenant_domains: Vec::new(),
        };
        change(&mut shape);
        std::fs::create_dir_all(base.join("gateway.d")).unwrap();
        std::fs::create_dir_all(base.join("temporary")).unwrap();
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nginx.conf");
        std::fs::copy(policy, base.join("nginx.conf")).unwrap();
        for (name, text) in shape.render(&manifest.services.iter().collect::<Vec<_>>()) {
            std::fs::write(base.join("gateway.d").join(name), text).unwrap();
        }
        let nginx = start_nginx(base);
        let trial = Self { folder, nginx, http, https };
        let up = || TcpStream::connect(("127.0.0.1", https)).ok();
        if wait::until(Duration::from_secs(10), up).is_none() {
            panic!("nginx does not listen:\n{}", std::fs::read_to_string(trial.path("stderr")).unwrap());
        }
        trial
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path goes out exactly as written.
    fn get(&self, host: &str, path: &str, arguments: &[&str]) -> Answer {
        self.get_from(&format!("{host}.{DOMAIN}"), path, arguments)
    }

    fn get_from(&self, name: &str, path: &str, arguments: &[&str]) -> Answer {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--include",
                "--path-as-is",
                "--max-time",
                "20",
                "--noproxy",
                "*",
            ])
            .arg("--cacert")
            .arg(self.path("ca"))
            .args(["--resolve", &format!("{name}:{}:127.0.0.1", self.https)])
            .args(arguments)
            .arg(format!("https://{name}:{}{path}", self.https))
            .output()
            .unwrap();
        parse(&output.stdout, &output.stderr)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.nginx);
        // It may have ended by itself; then there is nothing to collect either.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.nginx.wait();
    }
}

/// Workers keep the user of the test, who alone can enter its folder.
fn start_nginx(folder: &Path) -> Child {
    let root = rustix::process::geteuid().is_root();
    Command::new(find_program("nginx").unwrap())
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .args(["-e", "stderr", "-g", if root { "daemon off; user root;" } else { "daemon off;" }])
        .stderr(std::fs::File::create(folder.join("stderr")).unwrap())
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn parse(text: &[u8], errors: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(text).into_owned();
    let Some((headers, body)) = text.split_once("\r\n\r\n") else {
        return Answer {
            status: 0,
            headers: String::new(),
            body: String::from_utf8_lossy(errors).into_owned(),
        };
    };
    let status = headers.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, headers: headers.to_owned(), body: body.to_owned() }
}

/// A service that answers with the head of the request it got. Ends with the test's process.
fn start_echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || repeat(stream));
        }
    });
    port
}

fn repeat(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).replace("\r\n", "\n");
    let status = if head.contains("/own-problem") { "422 Unprocessable Entity" } else { "200 OK" };
    let policy = if head.contains("/page") { "Content-Security-Policy: default-src 'self'\r\n" } else { "" };
    let answer = format!(
        "HTTP/1.1 {status}\r\nServer: inner\r\nX-Request-Id: of-the-service\r\nContent-Type: text/plain\r\n{policy}\
         Content-Length: {}\r\nConnection: close\r\n\r\n{head}",
        head.len()
    );
    // The client may have gone: then nobody reads the answer.
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
fn nothing_internal_is_reached_in_any_spelling() {
    let trial = Trial::start();
    let spellings = [
        "/internal/v1/events",
        "//internal/v1/events",
        "/%69nternal/v1/events",
        "/INTERNAL/v1/events",
        "/internal;a/v1/events",
        "/api/../internal/v1/events",
        "/api/auth/../../internal/v1/events",
        "/api/auth/%2e%2e/%2e%2e/internal/v1/events",
        "/api/auth/..%2f..%2finternal/v1/events",
        "/api/auth/..%252f..%252finternal",
        "/api/auth/..;/..;/internal",
        "/api/auth/%5c..%5cinternal",
        "/api/auth\\..\\internal",
        "/api/auth//internal",
        "/api/auth/./internal",
        "/internal/../api/auth/x",
        "/metrics",
        "/api/metrics",
        "/healthz",
        "/readyz",
        "/.git/config",
        "/.env",
        "/api/bookingfoo",
        "/api",
        "/",
    ];
    for host in ["app", "mail", "pay"] {
        for path in spellings.iter().filter(|path| !(host == "mail" && **path == "/")) {
            let answer = trial.get(host, path, &[]);
            assert_eq!(answer.status, 404, "{host} {path}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{host} {path}");
        }
    }
    assert_eq!(trial.get("pay", "/sim/checkout/cs_1/expire", &[]).status, 404);
    assert_eq!(trial.get("pay", "/sim/checkout/cs_1/pay/more", &[]).status, 404);
    assert_eq!(trial.get("pay", "/sim/checkout/cs_1/pay", &[]).status, 200);
    assert_eq!(trial.get("app", "/api/booking", &[]).status, 200);
    assert_eq!(trial.get("app", "/api/booking/one?to=a//b%2Fc", &[]).status, 200);
}

#[test]
fn malformed_requests_get_a_problem_and_reach_nobody() {
    let trial = Trial::start();
    let answer = trial.get("app", "/api/auth/%00", &[]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, Some("application/problem+json")),
        "{answer:?}"
    );
    let long = format!("/api/auth/{}", "a".repeat(9000));
    let answer = trial.get("app", &long, &["--http1.1"]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (414, Some("application/problem+json")),
        "{answer:?}"
    );
    let header = format!("X-Long: {}", "a".repeat(40_000));
    let answer = trial.get("app", "/api/auth/x", &["--http1.1", "--header", &header]);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[test]
fn what_a_client_claims_about_itself_is_overwritten() {
    let trial = Trial::start();
    let claims = [
        "X-Forwarded-For: 203.0.113.9",
        "X-Real-IP: 203.0.113.9",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: http",
        "Forwarded: for=203.0.113.9",
        "X-Request-Id: chosen-by-the-client",
        "traceparent: 00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01",
        "tracestate: a=b",
        "baggage: a=b",
        "X-User-Id: 1",
        "X-Tenant-Id: 1",
        "X-Roles: admin",
        "X_User_Id: 1",
        "X-Original-URI: /internal",
        "X-Accel-Redirect: /internal",
        "X-HTTP-Method-Override: DELETE",
        "Proxy: http://evil.example",
        "Upgrade: h2c",
    ];
    let arguments: Vec<&str> = claims.iter().flat_map(|claim| ["--header", claim]).collect();
    let answer = trial.get("app", "/api/auth/x", &arguments);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.seen("x-real-ip"), ["127.0.0.1"]);
    assert_eq!(answer.seen("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(answer.seen("x-forwarded-proto"), ["https"]);
    assert_eq!(answer.seen("x-forwarded-host"), ["app.shinkofa.localhost"]);
    assert_eq!(answer.seen("host"), ["app.shinkofa.localhost"]);
    let gone = ["forwarded", "tracestate", "baggage", "x-user-id", "x_user_id", "x-tenant-id", "x-roles"];
    let also_gone = ["x-original-uri", "x-accel-redirect", "x-http-method-override", "proxy", "upgrade"];
    for header in gone.iter().chain(&also_gone) {
        assert_eq!(answer.seen(header), Vec::<&str>::new(), "{header}");
    }
    assert!(!answer.body.contains("aaaaaaaaaaaaaaaa") && !answer.body.contains("chosen-by-the-client"));
}

#[test]
fn one_id_is_the_trace_id_the_request_id_and_the_id_of_the_problem() {
    let trial = Trial::start();
    let answer = trial.get("app", "/api/auth/x", &[]);
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(answer.seen("x-request-id"), [id]);
    assert!(answer.seen("traceparent")[0].starts_with(&format!("00-{id}-")), "{answer:?}");
    let problem = trial.get("app", "/nothing", &[]);
    let body: serde_json::Value = serde_json::from_str(&problem.body).unwrap();
    assert_eq!(body["requestId"].as_str(), problem.header("x-request-id"));
    assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some("not_found"), Some(404)));
}

#[test]
fn a_trusted_balancer_hands_on_the_address_and_the_trace() {
    let trial = Trial::with(|shape| shape.trusted_proxies = vec!["127.0.0.1/32".to_owned()]);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = trial.get(
        "app",
        "/api/auth/x",
        &["--header", "X-Forwarded-For: 203.0.113.9", "--header", &format!("traceparent: {trace}")],
    );
    assert_eq!(answer.seen("x-real-ip"), ["203.0.113.9"]);
    assert_eq!(answer.seen("traceparent"), [trace]);
    assert_eq!(answer.header("x-request-id"), Some("0af7651916cd43dd8448eb211c80319c"));
}

#[test]
fn every_answer_carries_the_security_headers_once() {
    let trial = Trial::start();
    for path in ["/api/auth/x", "/nothing", "/api/auth/own-problem"] {
        let answer = trial.get("app", path, &[]);
        for name in ["strict-transport-security", "x-content-type-options", "x-frame-options", "x-request-id"]
        {
            let count =
                answer.headers.lines().filter(|line| line.to_ascii_lowercase().starts_with(name)).count();
            assert_eq!(count, 1, "{path} {name}: {answer:?}");
        }
        assert!(
            answer.header("content-security-policy").unwrap().contains("default-src 'none'"),
            "{answer:?}"
        );
        assert_eq!(answer.header("server"), Some("nginx"), "no version, and not the service's");
    }
    let page = trial.get("app", "/api/auth/page", &[]);
    assert_eq!(page.header("content-security-policy"), Some("default-src 'self'"));
}

#[test]
fn problems_of_services_pass_untouched_and_those_of_the_gateway_speak_the_clients_language() {
    let trial = Trial::start();
    let own = trial.get("app", "/api/auth/own-problem", &[]);
    assert_eq!((own.status, own.header("content-type")), (422, Some("text/plain")), "{own:?}");
    let french = trial.get("app", "/nothing", &["--header", "Accept-Language: fr-FR, en;q=0.5"]);
    assert!(french.body.contains("Il n'y a rien ici"), "{french:?}");
    assert_eq!(french.header("cache-control"), Some("no-store"));
}

#[test]
fn a_service_that_is_down_is_a_503_with_a_time_to_come_back() {
    let trial = Trial::with(|shape| {
        let closed = format!("127.0.0.1:{}", free_port());
        shape.upstreams.insert("auth".to_owned(), vec![closed]);
    });
    let answer = trial.get("app", "/api/auth/x", &[]);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    assert!(answer.body.contains("service_unavailable") && !answer.body.contains("127.0.0.1"));
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_reaches_a_service() {
    let trial = Trial::start();
    let file = trial.path("large");
    std::fs::write(&file, vec![b'a'; (1 << 20) + 1]).unwrap();
    let data = format!("@{}", file.display());
    let answer = trial.get("app", "/api/auth/x", &["--data-binary", &data, "--header", "Expect:"]);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (413, Some("application/problem+json")),
        "{answer:?}"
    );
}

#[test]
fn sign_in_is_limited_in_production_and_the_webhook_is_not() {
    let trial = Trial::with(|shape| shape.limits = Limits::Production);
    let statuses = |path: &str| -> Vec<u16> { (0..13).map(|_| trial.get("app", path, &[]).status).collect() };
    let webhooks = statuses("/api/webhooks/stripe");
    assert!(webhooks.iter().all(|status| *status == 200), "{webhooks:?}");
    let attempts = statuses("/api/auth/signin");
    assert_eq!(attempts.iter().filter(|status| **status == 200).count(), 11, "{attempts:?}");
    let refused = trial.get("app", "/api/auth/signin", &[]);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")), "{refused:?}");
}

/// V18: a subscriber has a whole /64, and one limit for it, wherever the zeros in its addresses stand; the next one has another.
#[test]
fn a_limit_is_one_for_the_first_64_bits_of_an_ipv6_address_and_for_an_ipv4_address_in_each_spelling() {
    let trial = Trial::with(|shape| {
        shape.limits = Limits::Production;
        shape.trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    });
    let status = |address: &str| {
        let from = format!("X-Forwarded-For: {address}");
        trial.get("app", "/api/auth/signin", &["--header", &from]).status
    };
    let networks: [(&[&str], &str); 9] = [
        (&["2001:db8:5:5::1", "2001:db8:5:5:1::", "2001:db8:5:5:1:2:3:4"], "2001:db8:5:6::1"),
        (&["2001:db8:7::1", "2001:db8:7:0:1::", "2001:db8:7:0:1:2:3:4"], "2001:db8:7:1::1"),
        (&["2001:db8::1", "2001:db8:0:0:1::", "2001:db8::1:2:3:4"], "2001:db8:0:1::1"),
        (&["2002::9:1:2:3:4", "2002:0:0:9::1"], "2002::8:1:2:3:4"),
        (&["2003::1", "2003::1:0:0:0", "2003::1:2:3:4"], "2003:0:0:1::1"),
        (&["::7:8:1:2:3:4", "0:0:7:8::1"], "::7:9:1:2:3:4"),
        (&["::8:1:2:3:4", "::8:0:0:0:1"], "::9:1:2:3:4"),
        (&["::1", "::1:2:3:4", "::192.0.2.1"], "::1:1:2:3:4"),
        (&["203.0.113.9", "::ffff:203.0.113.9", "::ffff:cb00:7109"], "203.0.113.10"),
    ];
    for (addresses, neighbour) in networks {
        let statuses: Vec<u16> = addresses.iter().cycle().take(13).map(|address| status(address)).collect();
        let answered = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(answered, 11, "{addresses:?}: {statuses:?}");
        assert_eq!(status(neighbour), 200, "{neighbour}");
    }
}

#[test]
fn plain_http_is_sent_on_and_an_unknown_name_gets_no_certificate() {
    let trial = Trial::start();
    let plain = Command::new("curl")
        .args(["--silent", "--include", "--noproxy", "*", "--header", "Host: app.shinkofa.localhost"])
        .arg(format!("http://127.0.0.1:{}/api/auth/x?y=1", trial.http))
        .output()
        .unwrap();
    let plain = parse(&plain.stdout, b"");
    let location = format!("https://app.shinkofa.localhost:{}/api/auth/x?y=1", trial.https);
    assert_eq!((plain.status, plain.header("location")), (308, Some(location.as_str())));
    for host in ["ghost.example", DOMAIN] {
        let unknown = trial.get_from(host, "/", &["--insecure"]);
        assert_eq!(unknown.status, 0, "{unknown:?}");
        let misdirected = trial.get("app", "/api/auth/x", &["--header", &format!("Host: {host}")]);
        assert_eq!(misdirected.status, 421, "{misdirected:?}");
    }
}

#[test]
fn a_tenant_is_found_beneath_the_platforms_domain_and_at_its_own_with_the_routes_of_the_app() {
    let own = "studio-elan.example";
    let trial = Trial::with(|shape| {
        let (certificate, key) = (shape.certificate.clone(), shape.key.clone());
        shape.tenant_domains =
            vec![TenantDomain { slug: "elan".to_owned(), name: own.to_owned(), certificate, key }];
    });
    for (host, arguments) in [("elan.shinkofa.localhost", [].as_slice()), (own, &["--insecure"])] {
        let reached = trial.get_from(host, "/api/booking", arguments);
        assert_eq!((reached.status, reached.seen("host")), (200, vec![host]), "{reached:?}");
        let scope = if host == own { "max-age=31536000" } else { "max-age=31536000; includeSubDomains" };
        assert_eq!(reached.header("strict-transport-security"), Some(scope), "{reached:?}");
        for path in ["/nothing", "/internal/v1/events", "/metrics", "/api/messages"] {
            assert_eq!(trial.get_from(host, path, arguments).status, 404, "{host}{path}");
        }
    }
    // The platform's hosts keep their own routes.
    assert_eq!(trial.get("mail", "/api/booking", &[]).status, 404);
    let plain = Command::new("curl")
        .args(["--silent", "--include", "--noproxy", "*", "--header", &format!("Host: {own}")])
        .arg(format!("http://127.0.0.1:{}/x", trial.http))
        .output()
        .unwrap();
    let location = format!("https://{own}:{}/x", trial.https);
    assert_eq!(parse(&plain.stdout, b"").header("location"), Some(location.as_str()));
}

#[test]
fn another_hosts_open_redirect_is_not_ours() {
    let trial = Trial::start();
    let plain = Command::new("curl")
        .args(["--silent", "--include", "--noproxy", "*", "--header", "Host: evil.example"])
        .arg(format!("http://127.0.0.1:{}/x", trial.http))
        .output()
        .unwrap();
    let location = parse(&plain.stdout, b"").header("location").unwrap().to_owned();
    assert!(location.starts_with("https://app.shinkofa.localhost:"), "{location}");
}
