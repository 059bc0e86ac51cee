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
    let mut told = BTreeSet::new();
    for item in register.items() {
        assert_members(item, &members);
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
