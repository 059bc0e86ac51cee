//! What the container images and `docker/compose.yaml` take from the manifest: rendered files, checked against the checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::gateway::Shape;
use crate::manifest::{Manifest, OwnSecret, Service};
use crate::settings::Limits;
use crate::{launch, postgres};

const WARNING: &str = "# Rendered from deploy/services.toml by `./deploy/ctl render`; a test compares.\n";
/// Replaced by the base domain when the gateway's container starts.
const DOMAIN: &str = "@DOMAIN@";
/// The same where its dots have to mean dots.
const DOMAIN_IN_A_PATTERN: &str = "\\.@DOMAIN@$";
const DOMAIN_PATTERN: &str = "\\.@DOMAIN_PATTERN@$";
/// What every service reads.
const PLATFORM_SECRETS: [&str; 3] = ["jwt-keyring", "jwt-service-keyring", "redis-password"];
/// Without a file system of its own to write to, without privileges, without a swarm of processes.
const CONFINED: &str = "    restart: unless-stopped\n    read_only: true\n    tmpfs: [/tmp]\n    cap_drop: [ALL]\n    \
     security_opt: [\"no-new-privileges:true\"]\n    pids_limit: 512\n";

/// Files below `docker/`, by path.
pub(crate) fn render(manifest: &Manifest) -> BTreeMap<String, String> {
    let services: Vec<&Service> = manifest.services.iter().filter(|service| !service.development).collect();
    let mut files = BTreeMap::from([
        ("compose.yaml".to_owned(), compose(manifest, &services)),
        ("postgres/roles.sql".to_owned(), roles(&services)),
    ]);
    for (name, text) in gateway(manifest, &services).render(&services) {
        let text = text.replace(DOMAIN_IN_A_PATTERN, DOMAIN_PATTERN);
        files.insert(format!("gateway.d/{name}"), format!("{WARNING}{text}"));
    }
    files
}

fn gateway(manifest: &Manifest, services: &[&Service]) -> Shape {
    let upstreams = services
        .iter()
        .map(|service| (service.name.clone(), vec![format!("{}:{}", service.name, service.public_port)]));
    Shape {
        domain: DOMAIN.to_owned(),
        listen: vec![[0, 0, 0, 0].into()],
        http_port: 8080,
        https_port: 8443,
        public_https_port: 443,
        certificate: "/run/secrets/gateway.crt".into(),
        key: "/run/secrets/gateway.key".into(),
        pid_file: "/tmp/nginx.pid".into(),
        access_log: "/dev/stdout".into(),
        open_files: 65_536,
        limits: Limits::Production,
        trusted_proxies: Vec::new(),
        upstreams: upstreams.collect(),
        development: false,
        origins: manifest.page_hosts.iter().map(|host| format!("https://{host}.{DOMAIN}")).collect(),
        more_origins: Vec::new(),
        tenant_domains: Vec::new(),
    }
}

fn roles(services: &[&Service]) -> String {
    format!("{}{}", WARNING.replace('#', "--"), postgres::container_script(services))
}

fn compose(manifest: &Manifest, services: &[&Service]) -> String {
    let mut text = format!("{WARNING}name: shinkofa\nservices:\n{}{}", postgres_block(services), REDIS);
    for service in services {
        text += &migration_block(manifest, services, service);
        text += &service_block(manifest, services, service);
    }
    text += &gateway_block(services);
    text += "volumes:\n  postgres: {}\n  redis: {}\nsecrets:\n";
    for name in secret_names(services) {
        let _ = writeln!(text, "  {name}:\n    file: ${{SHINKOFA_SECRETS:-./secrets}}/{name}");
    }
    text
}

fn secret_names(services: &[&Service]) -> Vec<String> {
    let own: BTreeSet<OwnSecret> = services.iter().flat_map(|service| service.secrets.clone()).collect();
    let mut names: Vec<String> = own.into_iter().map(|own| own.name().to_owned()).collect();
    names.extend(PLATFORM_SECRETS.map(str::to_owned));
    names.extend(["gateway.crt", "gateway.key", "postgres-password"].map(str::to_owned));
    for service in services {
        names.extend(["migrator", "rt"].map(|role| format!("{}-{role}-password", service.name)));
        names.extend(service.settings.iter().filter(|name| is_secret(name)).map(|name| file_of(name)));
    }
    names
}

fn is_secret(setting: &str) -> bool {
    crate::secrets::SECRET_SETTINGS.contains(&setting)
}

fn file_of(setting: &str) -> String {
    setting.to_lowercase().replace('_', "-")
}

fn list(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn postgres_block(services: &[&Service]) -> String {
    let passwords = services
        .iter()
        .flat_map(|service| ["migrator", "rt"].map(|role| format!("{}-{role}-password", service.name)));
    let secrets = list(std::iter::once("postgres-password".to_owned()).chain(passwords));
    format!(
        "  postgres:\n    image: postgres:15-bookworm\n    restart: unless-stopped\n    environment:\n      \
         POSTGRES_DB: shinkofa\n      POSTGRES_PASSWORD_FILE: /run/secrets/postgres-password\n      \
         POSTGRES_INITDB_ARGS: --data-checksums --locale=C.UTF-8\n    secrets: [{secrets}]\n    volumes:\n      \
         - postgres:/var/lib/postgresql/data\n      \
         - ./postgres/roles.sql:/docker-entrypoint-initdb.d/roles.sql:ro\n    healthcheck:\n      \
         test: [CMD, pg_isready, --quiet, --username=postgres, --dbname=shinkofa, --host=127.0.0.1]\n      \
         interval: 5s\n    security_opt: [\"no-new-privileges:true\"]\n"
    )
}

/// The password goes by standard input: an argument would be seen by every process of the machine.
const REDIS: &str = r#"  redis:
    image: redis:7-bookworm
    restart: unless-stopped
    user: redis
    command:
      - sh
      - -c
      - >-
        printf 'requirepass %s\nappendonly yes\nappendfsync everysec\nmaxmemory 256mb\nmaxmemory-policy noeviction\ndir /data\n'
        "$$(cat /run/secrets/redis-password)" | exec redis-server -
    secrets: [redis-password]
    volumes:
      - redis:/data
    healthcheck:
      test: [CMD-SHELL, "REDISCLI_AUTH=$$(cat /run/secrets/redis-password) redis-cli ping | grep -q PONG"]
      interval: 5s
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
"#;

fn image(service: &Service) -> String {
    format!(
        "    image: shinkofa/{name}:${{SHINKOFA_VERSION:-local}}\n    build:\n      context: ..\n      \
         dockerfile: docker/Dockerfile\n      target: service\n      args:\n        PACKAGE: {}\n        BINARY: {}\n",
        service.package,
        service.binary,
        name = service.name
    )
}

fn environment_block(manifest: &Manifest, services: &[&Service], service: &Service, role: &str) -> String {
    let mut text = String::from("    environment:\n");
    for (name, value) in environment(manifest, services, service, role) {
        let _ = writeln!(text, "      {name}: \"{value}\"");
    }
    text
}

fn environment(
    manifest: &Manifest,
    services: &[&Service],
    service: &Service,
    role: &str,
) -> BTreeMap<String, String> {
    let secret = |name: &str| format!("/run/secrets/{name}");
    let mut variables = BTreeMap::from(
        [
            ("SHINKOFA_PUBLIC_ADDR", format!("0.0.0.0:{}", service.public_port)),
            ("SHINKOFA_INTERNAL_ADDR", format!("0.0.0.0:{}", service.internal_port.unwrap_or_default())),
            ("SHINKOFA_REPLICA", "0".to_owned()),
            ("SHINKOFA_REPLICAS", "1".to_owned()),
            ("SHINKOFA_BASE_DOMAIN", "${SHINKOFA_BASE_DOMAIN:?}".to_owned()),
            ("SHINKOFA_PUBLIC_URL", "https://app.${SHINKOFA_BASE_DOMAIN:?}".to_owned()),
            ("SHINKOFA_HOSTS", service.hosts(false, "${SHINKOFA_BASE_DOMAIN:?}").join(" ")),
            ("SHINKOFA_TENANT_DOMAINS", "${SHINKOFA_TENANT_DOMAINS:-}".to_owned()),
            ("SHINKOFA_WEB_ORIGINS", web_origins(manifest)),
            ("SHINKOFA_LIMITS", "production".to_owned()),
            ("SHINKOFA_LOG", "${SHINKOFA_LOG:-info}".to_owned()),
            ("REDIS_URL", "redis://redis:6379/0".to_owned()),
            ("REDIS_PASSWORD_FILE", secret("redis-password")),
            ("JWT_SECRET_FILE", secret("jwt-keyring")),
            ("JWT_SERVICE_SECRET_FILE", secret("jwt-service-keyring")),
            (
                "DATABASE_URL",
                format!("postgres://{}_{role}@postgres:5432/{}", service.name, postgres::DATABASE),
            ),
            ("DATABASE_PASSWORD_FILE", secret(&format!("{}-{role}-password", service.name))),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for own in &service.secrets {
        variables.insert(own.variable().to_owned(), secret(own.name()));
    }
    for peer in services.iter().filter(|other| service.calls(other)) {
        variables.insert(
            launch::peer_variable(&peer.name),
            format!("http://{}:{}", peer.name, peer.internal_port.unwrap_or_default()),
        );
    }
    for setting in &service.settings {
        if is_secret(setting) {
            variables.insert(format!("{setting}_FILE"), secret(&file_of(setting)));
        } else {
            variables.insert(setting.clone(), format!("${{{setting}:-}}"));
        }
    }
    variables
}

fn web_origins(manifest: &Manifest) -> String {
    let own = manifest.page_hosts.iter().map(|host| format!("https://{host}.${{SHINKOFA_BASE_DOMAIN:?}}"));
    own.chain(["${SHINKOFA_WEB_ORIGINS:-}".to_owned()]).collect::<Vec<_>>().join(" ")
}

fn service_secrets(service: &Service, role: &str) -> String {
    let own = service.secrets.iter().map(|own| own.name().to_owned());
    let password = std::iter::once(format!("{}-{role}-password", service.name));
    let handed_on = service.settings.iter().filter(|name| is_secret(name)).map(|name| file_of(name));
    let names = own.chain(PLATFORM_SECRETS.map(str::to_owned)).chain(password).chain(handed_on);
    format!("    secrets: [{}]\n", list(names))
}

fn migration_block(manifest: &Manifest, services: &[&Service], service: &Service) -> String {
    let confined = CONFINED.replace("unless-stopped", "on-failure");
    format!(
        "  {}-migrate:\n{}    command: [migrate]\n    depends_on:\n      postgres: {{condition: service_healthy}}\n{}{}{confined}",
        service.name,
        image(service),
        environment_block(manifest, services, service, "migrator"),
        service_secrets(service, "migrator"),
    )
}

fn service_block(manifest: &Manifest, services: &[&Service], service: &Service) -> String {
    let name = &service.name;
    format!(
        "  {name}:\n{}    depends_on:\n      {name}-migrate: {{condition: service_completed_successfully}}\n      \
         redis: {{condition: service_healthy}}\n{}{}    healthcheck:\n      \
         test: [CMD, /usr/local/bin/service, health]\n      interval: 10s\n      start_period: 20s\n    \
         stop_grace_period: 35s\n{CONFINED}",
        image(service),
        environment_block(manifest, services, service, "rt"),
        service_secrets(service, "rt"),
    )
}

fn gateway_block(services: &[&Service]) -> String {
    let mut text = String::from(
        "  gateway:\n    image: shinkofa/gateway:${SHINKOFA_VERSION:-local}\n    build:\n      context: ..\n      \
         dockerfile: docker/Dockerfile\n      target: gateway\n    ports: [\"80:8080\", \"443:8443\"]\n    environment:\n      \
         SHINKOFA_BASE_DOMAIN: \"${SHINKOFA_BASE_DOMAIN:?}\"\n      SHINKOFA_WEB_ORIGINS: \"${SHINKOFA_WEB_ORIGINS:-}\"\n    secrets: [gateway.crt, gateway.key]\n    \
         volumes: [\"${SHINKOFA_TENANT_CERTIFICATES:-./tenant-certificates}:/run/tenant-certificates:ro\"]\n    depends_on:\n",
    );
    for service in services {
        let _ = writeln!(text, "      {}: {{condition: service_healthy}}", service.name);
    }
    text + CONFINED
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::installation::tests::installation;

    #[test]
    fn the_files_below_docker_are_what_the_manifest_renders() {
        let manifest = installation(&[]).manifest;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker");
        for (name, text) in render(&manifest) {
            let found = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
            assert!(found == text, "docker/{name} differs: run ./deploy/ctl render");
        }
    }

    #[test]
    fn a_container_is_told_what_a_process_of_up_is_told() {
        let manifest = installation(&[]).manifest;
        let settings: Vec<(&str, &str)> = manifest
            .services
            .iter()
            .flat_map(|service| &service.settings)
            .map(|name| (name.as_str(), "x"))
            .collect();
        let installation = installation(&settings);
        let services: Vec<&Service> = installation.services().collect();
        for service in &services {
            let process = launch::command_environment(&installation, service).unwrap();
            let container = environment(&installation.manifest, &services, service, "rt");
            assert_eq!(
                process.keys().collect::<Vec<_>>(),
                container.keys().collect::<Vec<_>>(),
                "{}",
                service.name
            );
        }
    }

    #[test]
    fn a_container_is_given_every_secret_that_it_is_told_of_and_no_other() {
        let manifest = installation(&[]).manifest;
        let services: Vec<&Service> =
            manifest.services.iter().filter(|service| !service.development).collect();
        for service in &services {
            let variables = environment(&manifest, &services, service, "rt");
            let told: BTreeSet<&str> =
                variables.values().filter_map(|value| value.strip_prefix("/run/secrets/")).collect();
            let block = service_secrets(service, "rt");
            let names = block.trim().trim_start_matches("secrets: [").trim_end_matches(']');
            let given: BTreeSet<&str> = names.split(", ").collect();
            assert_eq!(told, given, "{}", service.name);
            let seals = ["auth", "notify"].contains(&service.name.as_str());
            assert_eq!(given.contains("delivery-key"), seals, "{}", service.name);
        }
    }

    #[test]
    fn no_port_of_a_database_is_published() {
        let text = &render(&installation(&[]).manifest)["compose.yaml"];
        assert_eq!(text.matches("ports:").count(), 1);
        assert!(!text.contains("5432:") && !text.contains("6379:"));
    }
}
