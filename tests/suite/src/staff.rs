//! Staff of the tests' own: accounts with any role, made by the operator's command as the demo accounts are.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use data_encoding::BASE32_NOPAD;
use shinkofa_kernel::Role;

use crate::Stack;
use crate::stack::DemoAccount;

/// Does somebody who is hired bring an authenticator app?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    Enrolled,
    None,
}

impl Stack {
    /// Somebody new with this role, confirmed, who has not signed in yet.
    pub async fn hire(&self, role: Role, app: App) -> DemoAccount {
        let email = format!("{}@{}", self.fresh("staff"), self.domain);
        let password = self.fresh("Passw0rd");
        let bytes = [self.clock.new_uuid(), self.clock.new_uuid()].map(uuid::Uuid::into_bytes).concat();
        let totp_secret = (app == App::Enrolled).then(|| BASE32_NOPAD.encode(&bytes[..20]));
        let password_file = self.private_file(&password);
        let secret_file = totp_secret.as_deref().map(|secret| self.private_file(secret));
        let mut command = self.command_of("auth").await;
        command.arg("create-user");
        command.args([
            "--email",
            &email,
            "--name",
            "Sam Exemple",
            "--role",
            role.as_str(),
            "--password-file",
        ]);
        command.arg(&password_file);
        if let Some(file) = &secret_file {
            command.arg("--totp-secret-file").arg(file);
        }
        let output = command.output().await.expect("the program starts");
        for file in [Some(password_file), secret_file].into_iter().flatten() {
            std::fs::remove_file(file).expect("the file is removed");
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        DemoAccount { email, password, totp_secret }
    }

    fn private_file(&self, line: &str) -> PathBuf {
        let path = self.home.join(self.fresh("suite"));
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}
