//! The gateway: what is rendered beside `nginx.conf` from the manifest, and the process that serves it.

#[cfg(test)]
mod trial;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::files::write_private;
use crate::installation::{Installation, find_program};
use crate::manifest::{Policy, Route, Service};
use crate::settings::Limits;
use crate::supervisor::{ProcessSpec, Readiness, Signal};
use crate::{certificates, layout};

pub(crate) const KEY: &str = "gateway.0";

/// Everything the rendered files depend on, whether they serve this machine or an image.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) domain: String,
    pub(crate) listen: Vec<IpAddr>,
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
    /// What clients see, which differs from the port listened on behind a port mapping.
    pub(crate) public_https_port: u16,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) pid_file: PathBuf,
    pub(crate) access_log: PathBuf,
    pub(crate) open_files: u64,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: Vec<String>,
    /// Addresses of each service's replicas.
    pub(crate) upstreams: BTreeMap<String, Vec<String>>,
    pub(crate) development: bool,
    /// Whose pages may call the API: those of our hosts, and those that the installation names.
    pub(crate) origins: Vec<String>,
    pub(crate) more_origins: Vec<String>,
    /// Domains of tenants' own, with their certificates.
    pub(crate) tenant_domains: Vec<TenantDomain>,
}

/// A host of one tenant's that is no name beneath the platform's domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantDomain {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Tenants have the routes of this host at names of their own.
const TENANTS_LIKE: &str = "app";

/// Which replica slots of which services receive requests, where that is not simply all of them.
pub(crate) type Slots = BTreeMap<String, Vec<u16>>;

impl Shape {
    pub(crate) fn of(installation: &Installation, slots: &Slots) -> Result<Self> {
        let settings = &installation.settings;
        let upstreams = installation
            .services()
            .map(|service| {
                let all: Vec<u16> = (0..installation.replicas(service)).collect();
                let slots = slots.get(&service.name).unwrap_or(&all);
                let address = |slot: &u16| format!("127.0.0.1:{}", installation.ports.public(service, *slot));
                (service.name.clone(), slots.iter().map(address).collect())
            })
            .collect();
        let (certificate, key) = certificates::files(installation);
        Ok(Self {
            domain: settings.base_domain.clone(),
            listen: settings.listen.clone(),
            http_port: installation.ports.http(),
            https_port: installation.ports.https(),
            public_https_port: installation.ports.https(),
            certificate,
            key,
            pid_file: installation.layout.gateway().join("nginx.pid"),
            access_log: access_log(installation),
            open_files: rustix::process::getrlimit(rustix::process::Resource::Nofile)
                .maximum
                .unwrap_or(65_536),
            limits: settings.limits,
            trusted_proxies: settings.trusted_proxies.clone(),
            upstreams,
            development: settings.development(),
            origins: installation.manifest.page_hosts.iter().map(|host| installation.url(host)).collect(),
            more_origins: settings.web_origins.clone(),
            tenant_domains: settings.tenant_domains()?,
        })
    }

    /// The files of `gateway.d/` by name.
    pub(crate) fn render(&self, services: &[&Service]) -> BTreeMap<String, String> {
        let mut files = BTreeMap::from([
            ("process.conf".to_owned(), self.process()),
            ("real-ip.conf".to_owned(), self.real_ip()),
            ("limits.conf".to_owned(), self.rates()),
            ("tls.conf".to_owned(), self.tls()),
            ("origins.conf".to_owned(), origins(services)),
            ("our-origins.conf".to_owned(), origin_lines(&self.origins)),
            ("more-origins.conf".to_owned(), origin_lines(&self.more_origins)),
            ("tenant-names.conf".to_owned(), self.tenant_names()),
            ("tenant-scopes.conf".to_owned(), self.tenant_scopes()),
            ("listen-http.conf".to_owned(), self.listen_lines(self.http_port, " default_server")),
            (
                "listen-https-default.conf".to_owned(),
                self.listen_lines(self.https_port, " ssl http2 default_server"),
            ),
            ("listen-https.conf".to_owned(), self.listen_lines(self.https_port, " ssl http2")),
            ("problem.conf".to_owned(), PROBLEM.to_owned()),
            ("upstreams.conf".to_owned(), self.upstream_blocks()),
        ]);
        let mut hosts: BTreeMap<&str, Vec<(&Service, &Route)>> = BTreeMap::new();
        for service in services.iter().filter(|service| self.upstreams.contains_key(&service.name)) {
            for route in service.routes.iter().filter(|route| self.development || !route.development) {
                hosts.entry(&route.host).or_default().push((service, route));
            }
        }
        for (host, routes) in hosts {
            files.insert(format!("routes-{host}.conf"), self.routes(&routes));
            files.insert(format!("host-{host}.conf"), self.host(host));
        }
        for domain in &self.tenant_domains {
            files.insert(format!("host-of-tenant-{}.conf", domain.name), domain.host());
        }
        files
    }

    fn process(&self) -> String {
        format!(
            "worker_rlimit_nofile {};\npid {};\nerror_log stderr notice;\n",
            self.open_files,
            quoted(&self.pid_file)
        )
    }

    fn real_ip(&self) -> String {
        let mut text = String::new();
        for network in &self.trusted_proxies {
            let _ = writeln!(text, "set_real_ip_from {network};");
        }
        text.push_str("real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n");
        text.push_str("geo $realip_remote_addr $peer_is_trusted {\n    default 0;\n");
        for network in &self.trusted_proxies {
            let _ = writeln!(text, "    {network} 1;");
        }
        text.push_str("}\n");
        text
    }

    fn rates(&self) -> String {
        // Development and tests play many people from one address.
        let (every, credentials, connections) = match self.limits {
            Limits::Relaxed => ("10000r/s", "10000r/s", 8192),
            Limits::Production => ("20r/s", "10r/m", 200),
        };
        format!(
            "limit_req_zone $client_network zone=every_address:10m rate={every};\n\
             limit_req_zone $client_network zone=credentials_address:10m rate={credentials};\n\
             limit_conn_zone $client_network zone=address_connections:10m;\n\
             limit_conn address_connections {connections};\n"
        )
    }

    fn tls(&self) -> String {
        let port = self.port();
        format!(
            "ssl_certificate {};\nssl_certificate_key {};\naccess_log {} json buffer=32k flush=1s;\n\
             client_body_temp_path temporary/body;\nproxy_temp_path temporary/proxy;\n\
             fastcgi_temp_path temporary/fastcgi;\nuwsgi_temp_path temporary/uwsgi;\nscgi_temp_path temporary/scgi;\n\
             map $host $secure_origin {{\n    default https://app.{domain}{port};\n    \
             \"~^[a-z0-9-]+\\.{pattern}$\" https://$host{port};\n    include gateway.d/tenant-names.conf;\n}}\n",
            quoted(&self.certificate),
            quoted(&self.key),
            quoted(&self.access_log),
            domain = self.domain,
            pattern = self.domain.replace('.', "\\."),
        )
    }

    /// As it stands behind a name in an address.
    fn port(&self) -> String {
        match self.public_https_port {
            443 => String::new(),
            port => format!(":{port}"),
        }
    }

    /// Whose strict transport security reaches no further than the host itself.
    fn tenant_scopes(&self) -> String {
        self.tenant_domains.iter().map(|domain| format!("{} \"\";\n", domain.name)).collect()
    }

    /// Where people who come without encryption to a tenant's own domain are sent.
    fn tenant_names(&self) -> String {
        let port = self.port();
        let line = |TenantDomain { name, .. }: &TenantDomain| format!("{name} https://{name}{port};\n");
        self.tenant_domains.iter().map(line).collect()
    }

    fn listen_lines(&self, port: u16, options: &str) -> String {
        let line = |address: &IpAddr| match address {
            IpAddr::V4(v4) => format!("listen {v4}:{port}{options};\n"),
            IpAddr::V6(v6) => format!("listen [{v6}]:{port}{options};\n"),
        };
        self.listen.iter().map(line).collect()
    }

    fn upstream_blocks(&self) -> String {
        let mut text = String::new();
        for (name, addresses) in &self.upstreams {
            let _ = writeln!(text, "upstream {name} {{\n    zone {name} 64k;");
            for address in addresses {
                let _ = writeln!(text, "    server {address} max_fails=3 fail_timeout=5s;");
            }
            text.push_str(
                "    keepalive 64;\n    keepalive_requests 10000;\n    keepalive_timeout 60s;\n}\n",
            );
        }
        text
    }

    fn host(&self, host: &str) -> String {
        let domain = &self.domain;
        // A host that is named itself comes before names like this one. Services know whose they are, and which are nobody's.
        let tenants = if host == TENANTS_LIKE {
            format!(" \"~^[a-z0-9-]+\\.{}$\"", domain.replace('.', "\\."))
        } else {
            String::new()
        };
        format!(
            "server {{\n    include gateway.d/listen-https.conf;\n    server_name {host}.{domain}{tenants};\n    \
             include gateway.d/problem.conf;\n    include gateway.d/routes-{host}.conf;\n}}\n"
        )
    }

    /// What a host lets in, and that it lets in nothing else.
    fn routes(&self, routes: &[(&Service, &Route)]) -> String {
        let mut text = String::new();
        for (service, route) in routes {
            let body = self.location_body(&service.name, route.policy);
            let path = &route.path;
            if path.contains('*') {
                let end = if route.exact { "$" } else { "(/|$)" };
                let pattern = path.replace('.', "\\.").replace('*', "[^/]+");
                let _ = writeln!(text, "location ~ ^{pattern}{end} {{\n{body}}}");
                continue;
            }
            // A prefix alone would also match /api/bookingfoo.
            let _ = writeln!(text, "location = {path} {{\n{body}}}");
            if !route.exact {
                let beneath = if path == "/" { "/".to_owned() } else { format!("^~ {path}/") };
                let _ = writeln!(text, "location {beneath} {{\n{body}}}");
            }
        }
        if !routes.iter().any(|(_, route)| route.path == "/" && !route.exact) {
            text.push_str("location / {\n    return 404;\n}\n");
        }
        text
    }

    fn location_body(&self, upstream: &str, policy: Policy) -> String {
        let mut body = String::from(
            "    if ($ambiguous_path) {\n        return 404;\n    }\n    \
             if ($is_preflight) {\n        return 204;\n    }\n",
        );
        let limits: &[&str] = match policy {
            Policy::Standard | Policy::Page => &["limit_req zone=every_address burst=200 nodelay;"],
            Policy::Credentials => &[
                "limit_req zone=every_address burst=200 nodelay;",
                "limit_req zone=credentials_address burst=10 nodelay;",
            ],
            // At any other level Nginx writes down what was asked for wherever a request is limited or no service answers it. The
            // access log tells of both, without the secret.
            Policy::Secret => &["error_log stderr emerg;", "limit_req zone=every_address burst=200 nodelay;"],
            // Stripe sends from few addresses, in bursts, and judges us by our answers.
            Policy::Webhook => &["client_max_body_size 1m;", "proxy_request_buffering on;"],
        };
        for line in limits {
            let _ = writeln!(body, "    {line}");
        }
        let _ = writeln!(body, "    proxy_pass http://{upstream};");
        body
    }
}

impl TenantDomain {
    fn host(&self) -> String {
        format!(
            "server {{\n    include gateway.d/listen-https.conf;\n    server_name {};\n    ssl_certificate {};\n    \
             ssl_certificate_key {};\n    include gateway.d/problem.conf;\n    include gateway.d/routes-{TENANTS_LIKE}.conf;\n}}\n",
            self.name,
            quoted(&self.certificate),
            quoted(&self.key)
        )
    }
}

/// Whose pages may call, and what with a session's cookies.
fn origins(services: &[&Service]) -> String {
    let mut text = String::from(
        "map $http_origin $cors_origin {\n    default \"\";\n    include gateway.d/our-origins.conf;\n    \
         include gateway.d/more-origins.conf;\n}\nmap $request_uri $is_cookie_route {\n    default 0;\n",
    );
    for route in services.iter().flat_map(|service| &service.routes).filter(|route| route.cookies) {
        let end = if route.exact { "" } else { "/|" };
        let _ = writeln!(text, "    \"~^{}({end}\\?|$)\" 1;", route.path.replace('.', "\\."));
    }
    text.push_str("}\n");
    text
}

/// The answer names what stands here, not what the request says.
fn origin_lines(origins: &[String]) -> String {
    origins.iter().map(|origin| format!("\"{origin}\" \"{origin}\";\n")).collect()
}

/// `return 200` keeps the status of the problem; the body is text that no client can put a quote into.
const PROBLEM: &str = r#"location ~* "^/+(internal|metrics|healthz?|readyz?|livez?|debug|actuator|\.git|\.env)(/|;|$)" {
    return 404;
}
location = /_problem {
    internal;
    client_max_body_size 0;
    default_type application/problem+json;
    return 200 '{"type":"about:blank","title":"$problem_title","status":$problem_status,"code":"$problem_code","detail":"$problem_detail","requestId":"$trace_id"}';
}
"#;

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn access_log(installation: &Installation) -> PathBuf {
    installation.layout.logs().join("gateway.access.log")
}

/// Writes `nginx.conf` and `gateway.d/`; true when anything differs from before. A faulty result is never put in place.
pub(crate) fn prepare(installation: &Installation, slots: &Slots) -> Result<bool> {
    let account = &installation.account;
    let folder = installation.layout.gateway();
    let rendered = folder.join("gateway.d");
    layout::create_private(&rendered, account)?;
    layout::create_private(&folder.join("temporary"), account)?;
    let policy = installation.layout.checkout.join("nginx.conf");
    let policy = std::fs::read(&policy).with_context(|| format!("reading {}", policy.display()))?;
    let mut changed = write_private(&folder.join("nginx.conf"), &policy, account)?;
    let services: Vec<&Service> = installation.services().collect();
    let files = Shape::of(installation, slots)?.render(&services);
    for (name, text) in &files {
        changed |= write_private(&rendered.join(name), text.as_bytes(), account)?;
    }
    for entry in std::fs::read_dir(&rendered)?.flatten() {
        if !files.contains_key(&*entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path())?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Asks Nginx itself whether the rendered files are right.
pub(crate) fn check(installation: &Installation) -> Result<()> {
    let mut command = installation.account.command(&find_program("nginx")?);
    let output = command.arg("-t").args(arguments(installation)).output().context("running nginx")?;
    if !output.status.success() {
        bail!("nginx refuses its configuration:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn arguments(installation: &Installation) -> Vec<String> {
    let folder = installation.layout.gateway();
    let configuration = folder.join("nginx.conf");
    ["-p".to_owned(), folder.display().to_string(), "-c".to_owned(), configuration.display().to_string()]
        .into()
}

pub(crate) fn process(installation: &Installation) -> Result<ProcessSpec> {
    let mut arguments = arguments(installation);
    arguments.extend(["-e", "stderr", "-g", "daemon off;"].map(str::to_owned));
    let ports = vec![installation.ports.http(), installation.ports.https()];
    Ok(ProcessSpec {
        name: "gateway".to_owned(),
        replica: 0,
        program: find_program("nginx")?,
        arguments,
        environment: BTreeMap::new(),
        account: installation.account.clone(),
        readiness: Readiness::Tcp { port: installation.ports.https() },
        ports,
        log: installation.layout.logs().join("gateway.log"),
        own_logs: vec![access_log(installation)],
        stop_signal: Signal::Terminate,
        stop_within_seconds: 20,
        rank: 9,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn shape(development: bool) -> Shape {
        let upstreams = ["auth", "credits", "booking", "notify", "stripe-sim"]
            .map(|name| (name.to_owned(), vec!["127.0.0.1:1".to_owned(), "127.0.0.1:2".to_owned()]));
        Shape {
            domain: "shinkofa.localhost".to_owned(),
            listen: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            http_port: 8080,
            https_port: 8443,
            public_https_port: 8443,
            certificate: "/h/c".into(),
            key: "/h/k".into(),
            pid_file: "/h/p".into(),
            access_log: "/h/a b".into(),
            open_files: 1024,
            limits: Limits::Production,
            trusted_proxies: Vec::new(),
            upstreams: upstreams.into(),
            development,
            origins: vec!["https://app.shinkofa.localhost:8443".to_owned()],
            more_origins: Vec::new(),
            tenant_domains: Vec::new(),
        }
    }

    fn render(shape: &Shape) -> BTreeMap<String, String> {
        let manifest = Manifest::parse(include_str!("../../../services.toml")).unwrap();
        shape.render(&manifest.services.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_prefix_matches_itself_and_what_lies_beneath_but_no_longer_word() {
        let app = render(&shape(true)).remove("routes-app.conf").unwrap();
        assert!(app.contains("location = /api/booking {") && app.contains("location ^~ /api/booking/ {"));
        assert!(!app.contains("location /api/booking"));
    }

    #[test]
    fn a_host_denies_whatever_it_does_not_list() {
        for (name, text) in render(&shape(true)) {
            assert!(!name.starts_with("routes-") || text.contains("location / {\n    return 404;"), "{name}");
        }
    }

    #[test]
    fn the_mailbox_and_the_payment_stand_in_exist_in_development_only() {
        assert!(render(&shape(true)).contains_key("host-mail.conf"));
        let production = render(&shape(false));
        assert!(!production.contains_key("host-mail.conf") && !production.contains_key("host-pay.conf"));
        assert!(production.contains_key("host-app.conf"));
    }

    #[test]
    fn the_webhook_is_free_of_limits_per_address_and_sign_in_has_a_second_one() {
        let app = render(&shape(true)).remove("routes-app.conf").unwrap();
        let body = |path: &str| {
            let start = app.find(&format!("location = {path} {{")).unwrap();
            app[start..].split("\n}").next().unwrap().to_owned()
        };
        assert!(!body("/api/webhooks/stripe").contains("limit_req"));
        assert!(body("/api/auth/signin").contains("credentials_address"));
    }

    #[test]
    fn every_limit_is_of_a_network_and_none_of_a_single_address() {
        let text = &render(&shape(false))["limits.conf"];
        assert_eq!(text.matches("_zone $client_network zone=").count(), 3, "{text}");
        assert!(!text.contains("remote_addr"), "{text}");
    }

    #[test]
    fn every_replica_is_an_upstream_and_both_loopbacks_are_listened_on() {
        let files = render(&shape(true));
        assert_eq!(files["upstreams.conf"].matches("server 127.0.0.1:").count(), 10);
        assert!(files["listen-https.conf"].contains("listen [::1]:8443 ssl http2;"));
    }

    #[test]
    fn a_page_calls_with_cookies_what_sets_or_reads_them_and_nothing_else() {
        let text = &render(&shape(true))["origins.conf"];
        assert!(text.contains("\"~^/api/auth/refresh(\\?|$)\" 1;"), "{text}");
        assert!(
            !text.contains("/api/booking") && !text.contains("/api/auth(") && !text.contains("/api/admin")
        );
    }

    #[test]
    fn nobody_is_trusted_about_addresses_unless_named() {
        assert!(!render(&shape(true))["real-ip.conf"].contains("set_real_ip_from"));
        let named = Shape { trusted_proxies: vec!["10.0.0.0/8".to_owned()], ..shape(true) };
        assert!(render(&named)["real-ip.conf"].contains("set_real_ip_from 10.0.0.0/8;\n"));
    }
}
