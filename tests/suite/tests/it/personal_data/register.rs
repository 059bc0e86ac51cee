//! The register of processing names what the catalogue of the database does, of every service, and nothing else.

use std::collections::BTreeSet;

use suite::{Stack, assert_members, invariants};

use super::personal_columns;

#[tokio::test]
async fn the_register_of_processing_names_every_personal_column_of_every_service() {
    let stack = Stack::attach().await;
    let columns = personal_columns(&mut stack.superuser().await).await;
    for service in ["auth", "booking", "credits", "notify"] {
        assert!(
            columns.iter().any(|column| column.service == service),
            "{service} keeps nothing about people"
        );
    }
    let kept: BTreeSet<[String; 5]> = columns
        .iter()
        .map(|column| {
            let [purpose, basis, retention] = column.parts().map(str::to_owned);
            [column.service.clone(), column.data(), purpose, basis, retention]
        })
        .collect();
    assert_eq!(kept.len(), columns.len());

    // Whoever asks is nobody in particular.
    let register = stack.get("/api/auth/processing-register").send().await.expect(200);
    let members = ["service", "data", "purpose", "basis", "retention"];
    let more = ["category", "people"];
    let mut told = BTreeSet::new();
    for item in register.items() {
        assert_members(item, &[members.as_slice(), &more].concat());
        let people = item["people"].as_array().expect("a list");
        assert!(!people.is_empty() && item["category"] != "", "{item:#}");
        let entry = members.map(|member| item[member].as_str().expect("a text").to_owned());
        assert!(entry.iter().all(|part| !part.is_empty()), "{item:#}");
        assert!(told.insert(entry), "{item:#} is told twice");
    }
    assert_eq!(told, kept);
    let bases = ["contract", "legitimate interest", "legal obligation", "consent"];
    for [service, data, _, basis, _] in &told {
        assert!(
            bases.contains(&basis.as_str()),
            "{service} {data} is kept by {basis:?} (article 6(1) of the GDPR)"
        );
    }
    invariants::check(&stack).await;
}

/// Article 30 of the GDPR asks for more than what is kept: who answers for it, who is told of it, and what protects it.
#[tokio::test]
async fn the_register_of_processing_says_who_answers_for_it_who_is_told_and_what_protects_it() {
    let stack = Stack::attach().await;
    let register = stack.get("/api/auth/processing-register").send().await.expect(200).body;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for member in ["name", "contact"] {
        assert!(!text(&register["controller"][member]).is_empty(), "{:#}", register["controller"]);
    }
    let told = register["recipients"].as_array().expect("a list");
    assert!(told.iter().any(|recipient| recipient["service"] == "auth"), "{told:#?}");
    for recipient in told {
        assert_members(recipient, &["service", "name", "purpose", "data", "country", "transfer"]);
        // Nobody has said where anybody is, and that is said.
        assert_eq!(recipient["country"].is_null(), recipient["transfer"] == "not_told", "{recipient:#}");
    }
    let measures = register["securityMeasures"].as_array().expect("a list");
    assert!(
        measures.iter().all(|one| !text(&one["measure"]).is_empty() && !text(&one["description"]).is_empty())
    );
    assert!(!measures.is_empty());
    invariants::check(&stack).await;
}
