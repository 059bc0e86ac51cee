//! The commands of every binary.

use std::process::ExitCode;
use std::time::Duration;

use shinkofa_db::{SchemaState, schema_state};
use shinkofa_kernel::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::telemetry::Telemetry;
use crate::{Environment, Platform, Server, Service, Settings, StartError, migrations, openapi};

/// Runs the command that the process was started with: `serve` unless told otherwise.
pub fn main<S: Service>() -> ExitCode {
    // Only fails when a provider is already installed, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) =
        arguments.split_first().map_or(("serve", &[][..]), |(name, rest)| (name.as_str(), rest));
    let result = match name {
        "serve" => serve::<S>(),
        "migrate" => migrate::<S>(),
        "check-config" => check_config::<S>(),
        "health" => health::<S>(),
        "openapi" => print_openapi::<S>(),
        other => own_command::<S>(other, rest),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", S::NAME);
            ExitCode::FAILURE
        }
    }
}

fn serve<S: Service>() -> Result<(), StartError> {
    let mut environment = Environment::of_process();
    let telemetry = Telemetry::install(S::NAME, &mut environment)?;
    let (metrics, continue_trace) = (telemetry.metrics.clone(), telemetry.continue_trace);
    let result = actix_web::rt::System::new().block_on(async move {
        let service = start::<S>(&mut environment).await?;
        require_current_schema::<S>(service.platform()).await?;
        let server = Server::start(service, Some(metrics), continue_trace)?;
        tracing::info!(public = %server.public_addr, internal = %server.internal_addr, "serving");
        let (stop, stopping) = watch::channel(false);
        let drain = server.drain();
        actix_web::rt::spawn(async move {
            termination().await;
            tracing::info!("told to stop: draining");
            drain();
            let _ = stop.send(true);
        });
        server.run_background(stopping).await;
        Ok(())
    });
    telemetry.shut_down();
    result
}

async fn start<S: Service>(environment: &mut Environment) -> Result<S, StartError> {
    let platform = Platform::build(S::NAME, environment, Clock::system())?;
    let service = S::start(platform, environment).await?;
    environment.finish()?;
    Ok(service)
}

/// SIGTERM from a supervisor, SIGINT from a terminal.
async fn termination() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The database may still be starting: it is given half a minute.
async fn require_current_schema<S: Service>(platform: &Platform) -> Result<(), StartError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let state = shinkofa_db::transaction(
            &platform.database,
            &shinkofa_db::Scope::infrastructure(),
            "check_schema",
            async |tx| {
                schema_state(tx, &migrations::<S>())
                    .await
                    .map_err(|error| shinkofa_db::Error::Unavailable(error.to_string()))
            },
        )
        .await;
        match state {
            Ok(SchemaState::Current) => return Ok(()),
            Ok(SchemaState::Behind(missing)) => {
                return Err(StartError::Other(anyhow::anyhow!(
                    "the schema is older than this binary (missing: {}): run `{} migrate`",
                    missing.join(", "),
                    S::NAME
                )));
            }
            Ok(SchemaState::Ahead(unknown)) => {
                return Err(StartError::Other(anyhow::anyhow!(
                    "the schema is newer than this binary (unknown: {}): start a newer binary",
                    unknown.join(", ")
                )));
            }
            Err(error) if tries >= 30 => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the database does not answer yet");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Needs only `DATABASE_URL` of the migrator role, with `DATABASE_PASSWORD_FILE`.
fn migrate<S: Service>() -> Result<(), StartError> {
    let mut environment = Environment::of_process();
    let url = crate::settings::database_url(&mut environment);
    environment.finish()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(anyhow::Error::from)?;
    let run =
        runtime.block_on(shinkofa_db::migrate(&url, &format!("{}_owner", S::NAME), &migrations::<S>()))?;
    match run.as_slice() {
        [] => say(&format!("{}: the schema is current", S::NAME)),
        versions => say(&format!("{}: ran {}", S::NAME, versions.join(", "))),
    }
    Ok(())
}

fn check_config<S: Service>() -> Result<(), StartError> {
    let mut environment = Environment::of_process();
    let service = actix_web::rt::System::new().block_on(start::<S>(&mut environment));
    service.map(|_| say(&format!("{}: the configuration is complete", S::NAME)))
}

/// For a container's health check, which has no curl.
fn health<S: Service>() -> Result<(), StartError> {
    let mut environment = Environment::of_process();
    let settings = Settings::read(S::NAME, &mut environment);
    environment.finish()?;
    let url = format!("http://{}/readyz", settings.internal_addr);
    let status = actix_web::rt::System::new().block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()?;
        client.get(url).send().await.map(|response| response.status())
    });
    let status = status.map_err(anyhow::Error::from)?;
    if status.is_success() { Ok(()) } else { Err(StartError::Other(anyhow::anyhow!("not ready: {status}"))) }
}

fn print_openapi<S: Service>() -> Result<(), StartError> {
    say(&serde_json::to_string_pretty(&openapi::<S>()).map_err(anyhow::Error::from)?);
    Ok(())
}

fn own_command<S: Service>(name: &str, arguments: &[String]) -> Result<(), StartError> {
    let mut environment = Environment::of_process();
    actix_web::rt::System::new().block_on(async {
        let service = start::<S>(&mut environment).await?;
        service.command(name, arguments).await
    })
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn say(text: &str) {
    println!("{text}");
}
