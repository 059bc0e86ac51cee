//! What the register of processing says beside the columns: who answers for it, who is told, and what protects it.

use std::collections::HashMap;

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_runtime::{Environment, Platform, Service as _};
use shinkofa_testing::wiremock::ResponseTemplate;
use shinkofa_testing::{FakePeer, TestApp, TestAppBuilder};

use crate::people::text;
use crate::provider::Providers;

const PATH: &str = "/api/auth/processing-register";

/// A service that keeps nothing and tells `recipient` of people, if anybody, in the name of `service`.
async fn telling(service: &str, recipient: Option<&str>) -> FakePeer {
    let peer = FakePeer::start().await;
    let recipients: Vec<_> = recipient
        .into_iter()
        .map(|name| {
            json!({
                "service": service, "name": name, "purpose": "a test", "data": "amounts", "country": "US",
                "transfer": "third_country",
            })
        })
        .collect();
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "items": [], "recipients": recipients }));
    peer.on("GET", "^/internal/v1/privacy/processing$", answer).await;
    peer
}

struct Peers([FakePeer; 3]);

impl Peers {
    async fn start() -> Self {
        let booking = telling("booking", None).await;
        let credits = telling("credits", Some("Stripe")).await;
        Self([booking, credits, telling("notify", None).await])
    }

    fn beside(&self, builder: TestAppBuilder) -> TestAppBuilder {
        let [booking, credits, notify] = &self.0;
        let builder = builder.peer("booking", &booking.url()).peer("credits", &credits.url());
        builder.peer("notify", &notify.url())
    }
}

async fn register(app: &TestApp<Auth>) -> Value {
    app.get(PATH).send().await.expect(200).body
}

fn names(register: &Value) -> Vec<&str> {
    let recipients = register["recipients"].as_array().expect("a list");
    recipients.iter().map(|recipient| text(recipient, "name")).collect()
}

#[actix_web::test]
async fn the_register_names_who_answers_for_it_and_what_protects_it() {
    let peers = Peers::start().await;
    let builder = peers
        .beside(TestApp::<Auth>::builder())
        .env("PRIVACY_CONTROLLER_NAME", "Studio Élan SARL")
        .env("PRIVACY_CONTROLLER_CONTACT", "privacy@elan.example")
        .env("PRIVACY_DPO_NAME", "Zoé Martin")
        .env("PRIVACY_DPO_CONTACT", "dpo@elan.example");
    let told = register(&builder.start::<Auth>().await).await;
    let controller = json!({ "name": "Studio Élan SARL", "contact": "privacy@elan.example" });
    assert_eq!(told["controller"], controller);
    assert_eq!(told["dataProtectionOfficer"], json!({ "name": "Zoé Martin", "contact": "dpo@elan.example" }));
    let measures = told["securityMeasures"].as_array().unwrap();
    assert!(measures.iter().any(|measure| measure["measure"] == "passwords"), "{measures:#?}");
    let items = told["items"].as_array().unwrap();
    let email = items.iter().find(|item| item["data"] == "users.email").unwrap();
    assert!(email["people"].as_array().unwrap().contains(&json!("members")), "{email:#}");
    assert_eq!(email["category"], "contact details and credentials");
    let invited = items.iter().find(|item| item["data"] == "invitations.email").unwrap();
    assert_eq!(invited["people"], json!(["invited"]));
}

#[actix_web::test]
async fn a_development_installation_says_that_nobody_answers_for_it_yet() {
    let peers = Peers::start().await;
    let told = register(&peers.beside(TestApp::<Auth>::builder()).start::<Auth>().await).await;
    for member in ["name", "contact"] {
        assert!(text(&told["controller"], member).contains("placeholder"), "{told:#}");
    }
    assert_eq!(told["dataProtectionOfficer"], Value::Null);
}

#[actix_web::test]
async fn the_register_names_who_is_told_as_it_is_configured_and_where_they_are() {
    let (peers, providers) = (Peers::start().await, Providers::start().await);
    let builder = providers.configure(peers.beside(TestApp::<Auth>::builder()));
    let builder = builder
        .env("OAUTH_GOOGLE_COUNTRY", "IE")
        .env("OAUTH_GITHUB_COUNTRY", "US")
        .env("BREACHED_PASSWORDS_URL", "http://127.0.0.1:1/");
    let app = builder.start::<Auth>().await;
    let told = register(&app).await;
    let where_is = |name: &str| {
        let recipients = told["recipients"].as_array().unwrap();
        let one = recipients.iter().find(|recipient| recipient["name"] == name).unwrap();
        (one["country"].clone(), text(one, "transfer").to_owned())
    };
    assert_eq!(where_is("Google"), (json!("IE"), "within_eea".to_owned()));
    assert_eq!(where_is("GitHub"), (json!("US"), "third_country".to_owned()));
    assert_eq!(where_is("Discord"), (Value::Null, "not_told".to_owned()));
    assert_eq!(where_is("the service that knows leaked passwords").1, "not_told");
    assert_eq!(where_is("Stripe"), (json!("US"), "third_country".to_owned()));

    // Whoever is switched off is told nothing any more.
    let switch = ["--provider".to_owned(), "github".to_owned()];
    app.service().command("disable-provider", &switch).await.unwrap();
    let told = register(&app).await;
    assert!(!names(&told).contains(&"GitHub") && names(&told).contains(&"Google"), "{told:#}");

    let none = register(&peers.beside(TestApp::<Auth>::builder()).start::<Auth>().await).await;
    let others = ["Google", "GitHub", "Discord", "the service that knows leaked passwords"];
    assert!(!names(&none).iter().any(|name| others.contains(name)), "{none:#}");
}

#[actix_web::test]
async fn a_service_that_names_recipients_of_another_is_as_good_as_none() {
    let impostor = telling("credits", Some("Somebody")).await;
    let peers = Peers::start().await;
    let builder = peers.beside(TestApp::<Auth>::builder()).peer("notify", &impostor.url());
    let answer = builder.start::<Auth>().await.get(PATH).send().await;
    let answer = answer.expect_problem(503, "register_incomplete");
    assert!(text(&answer.body, "detail").contains("notify"));
}

/// What the configuration of `app`'s platform is told to be wrong about, at `domain` and with `variables`.
async fn faults(app: &TestApp<Auth>, domain: &str, variables: &[(&str, &str)]) -> Option<String> {
    let mut platform: Platform = app.service().platform.clone();
    let mut settings = (*platform.settings).clone();
    domain.clone_into(&mut settings.base_domain);
    platform.settings = settings.into();
    let key = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        *b"q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHk",
    );
    let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all = own.chain([("SHINKOFA_DELIVERY_KEY".to_owned(), format!("k:{key}"))]);
    let mut environment = Environment::from_variables(all.collect::<HashMap<_, _>>());
    Auth::start(platform, &mut environment).await.err().map(|error| error.to_string())
}

#[actix_web::test]
async fn only_a_development_installation_may_do_without_a_controller() {
    let app = TestApp::<Auth>::start().await;
    let (name, contact) =
        (("PRIVACY_CONTROLLER_NAME", "Élan"), ("PRIVACY_CONTROLLER_CONTACT", "a@elan.example"));
    assert_eq!(faults(&app, "shinkofa.localhost", &[]).await, None);
    let production = "shinkofa.example.org";
    let told = faults(&app, production, &[]).await.unwrap();
    assert!(told.contains("PRIVACY_CONTROLLER_NAME and PRIVACY_CONTROLLER_CONTACT are not set"), "{told}");
    let told = faults(&app, production, &[name]).await.unwrap();
    assert!(told.contains("PRIVACY_CONTROLLER_NAME is set without PRIVACY_CONTROLLER_CONTACT"), "{told}");
    assert_eq!(faults(&app, production, &[name, contact]).await, None);
    let told = faults(&app, production, &[name, contact, ("PRIVACY_DPO_CONTACT", "b@elan.example")]).await;
    assert!(told.unwrap().contains("PRIVACY_DPO_CONTACT is set without PRIVACY_DPO_NAME"));
    let range =
        [("BREACHED_PASSWORDS_URL", "https://ranges.example/"), ("BREACHED_PASSWORDS_COUNTRY", "USA")];
    let told = faults(&app, "shinkofa.localhost", &range).await.unwrap();
    assert!(told.contains("BREACHED_PASSWORDS_COUNTRY"), "{told}");
}
