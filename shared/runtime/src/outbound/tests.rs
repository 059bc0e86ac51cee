//! V27, with a resolver under control and receivers that count.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Answers each question with the next of its answers, and the last one from then on.
#[derive(Debug)]
struct Script {
    answers: Mutex<VecDeque<Vec<SocketAddr>>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Vec<SocketAddr>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), asked: AtomicUsize::new(0) })
    }
}

impl ResolveHost for Script {
    fn resolve(&self, _host: String, _port: u16) -> Resolving<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

/// A receiver on this address, and how many requests it saw.
async fn receiver(address: Ipv4Addr, answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    receiving(TcpListener::bind((address, 0)).await.unwrap(), answer)
}

fn receiving(listener: TcpListener, answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let (bound, seen) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    (bound, seen)
}

/// Two receivers on one port of two addresses.
async fn neighbours(one: Ipv4Addr, other: Ipv4Addr) -> [(SocketAddr, Arc<AtomicUsize>); 2] {
    loop {
        let one = TcpListener::bind((one, 0)).await.unwrap();
        // The port may be taken there.
        if let Ok(other) = TcpListener::bind((other, one.local_addr().unwrap().port())).await {
            return [receiving(one, NO_CONTENT), receiving(other, NO_CONTENT)];
        }
    }
}

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

fn seen(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}

fn standing_clock() -> Clock {
    Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

/// Sends in no time, however slow the machine is.
fn sender(resolver: Arc<dyn ResolveHost>, exempt: Vec<SocketAddr>) -> Outbound {
    Outbound::new(resolver, exempt, standing_clock())
}

async fn post(outbound: &Outbound, target: &Target) -> Result<u16, OutboundError> {
    let turn = outbound.turn(TenantId::DEFAULT).expect("nobody else sends");
    outbound.post(turn, target, HeaderMap::new(), "{}".to_owned()).await
}

#[test]
fn a_tenant_has_one_turn_at_a_time_and_nobody_elses() {
    let outbound = sender(Arc::new(SystemResolver), Vec::new());
    let clock = standing_clock();
    let first = outbound.turn(TenantId::DEFAULT).unwrap();
    for _ in 0..2 {
        assert!(outbound.turn(TenantId::DEFAULT).is_none(), "it has one, also after it was refused another");
    }
    let others: Vec<Turn> = (1..TURNS).map(|_| outbound.turn(TenantId::new(&clock)).unwrap()).collect();
    assert!(outbound.turn(TenantId::new(&clock)).is_none(), "all are taken");
    drop(first);
    let again = outbound.turn(TenantId::DEFAULT).unwrap();
    drop((again, others));
}

fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

#[test]
fn a_tenant_rests_from_a_slow_turn_the_longer_the_more_often_it_kept_us_waiting_and_from_a_quick_one_not_at_all()
 {
    let clock = standing_clock();
    let outbound = Outbound::new(Arc::new(SystemResolver), Vec::new(), clock.clone());
    let tenant = TenantId::DEFAULT;
    let mut turn = outbound.turn(tenant).unwrap();
    for (took, rest) in [(1, 3), (4, 12), (5, 30), (10, 60), (10, 120), (3, 9), (10, 30)] {
        clock.advance(seconds(took));
        drop(turn);
        clock.advance(seconds(rest) - TimeDelta::milliseconds(1));
        assert!(outbound.turn(tenant).is_none(), "{took} s");
        assert!(outbound.turn(TenantId::new(&clock)).is_some(), "the rest is nobody else's");
        clock.advance(TimeDelta::milliseconds(1));
        turn = outbound.turn(tenant).unwrap_or_else(|| panic!("{took} s"));
    }
    drop(turn);
    for quick in [0, 249] {
        let turn = outbound.turn(tenant).unwrap();
        clock.advance(TimeDelta::milliseconds(quick));
        drop(turn);
        assert!(outbound.turn(tenant).is_some(), "{quick} ms");
    }
    assert!(outbound.served.lock().unwrap().is_empty(), "nobody is remembered for longer than it matters");
}

/// As many slow receivers as there are turns, and as much to send to each as to the quick one. Each second whoever has waited the
/// longest asks first.
#[test]
fn a_quick_receiver_passes_as_many_slow_ones_as_there_are_turns() {
    let clock = standing_clock();
    let outbound = Outbound::new(Arc::new(SystemResolver), Vec::new(), clock.clone());
    let slow: Vec<TenantId> = (0..TURNS).map(|_| TenantId::new(&clock)).collect();
    let quick = TenantId::DEFAULT;
    let (mut sent_to_quick, mut in_hand) = (0, Vec::new());
    for _ in 0..40 {
        in_hand.retain(|(ends_at, _): &(DateTime<Utc>, Turn)| *ends_at > clock.now());
        for tenant in &slow {
            if let Some(turn) = outbound.turn(*tenant) {
                in_hand.push((clock.now() + seconds(10), turn));
            }
        }
        sent_to_quick += usize::from(outbound.turn(quick).is_some());
        clock.advance(seconds(1));
    }
    assert_eq!(sent_to_quick, 30, "all but the ten seconds that the slow ones have in forty");
}

/// Studios cost nothing, so there may be many with receivers that keep us waiting. Once each has had its turn, a turn is left for whoever
/// is quick, at any moment.
#[test]
fn of_many_who_keep_us_waiting_none_has_the_last_turn() {
    let clock = standing_clock();
    let outbound = Outbound::new(Arc::new(SystemResolver), Vec::new(), clock.clone());
    let long: Vec<TenantId> = (0..40).map(|_| TenantId::new(&clock)).collect();
    let (mut sent_to_long, mut found, mut in_hand) = (0, Vec::new(), Vec::new());
    for _ in 0..3_600 {
        in_hand.retain(|(ends_at, _): &(DateTime<Utc>, Turn)| *ends_at > clock.now());
        for tenant in &long {
            if let Some(turn) = outbound.turn(*tenant) {
                sent_to_long += 1;
                in_hand.push((clock.now() + seconds(10), turn));
            }
        }
        found.push(outbound.turn(TenantId::DEFAULT).is_some());
        clock.advance(seconds(1));
    }
    // Until the last of them has had its first turn they share the third one with those whom nobody knows.
    let first_round = 10 * long.len() + 10;
    assert!(
        found[first_round..].iter().all(|found| *found),
        "{} s of 3,600",
        found.iter().filter(|found| **found).count()
    );
    assert!(sent_to_long >= 40 * 5, "they have their share: {sent_to_long}");
}

/// The name that everything is sent to. Without encryption, which the exempt address alone may be.
fn target(port: u16) -> Target {
    let url = format!("http://hooks.example.org:{port}/in");
    Target::parse_for_test(&url)
}

#[tokio::test]
async fn v27_a_name_that_answers_differently_the_second_time_is_not_asked_a_second_time() {
    let [(good, at_good), (inside, at_inside)] =
        neighbours(Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST).await;
    let script = Script::new([vec![good], vec![inside]]);
    let outbound = sender(Arc::clone(&script) as Arc<dyn ResolveHost>, vec![good]);
    let target = target(good.port());
    assert_eq!(post(&outbound, &target).await, Ok(204));
    assert_eq!((script.asked.load(Ordering::Relaxed), seen(&at_good), seen(&at_inside)), (1, 1, 0));
    // The next sending asks anew, and judges anew.
    assert_eq!(post(&outbound, &target).await, Err(OutboundError::Refused));
    assert_eq!((seen(&at_good), seen(&at_inside)), (1, 0));
}

#[tokio::test]
async fn v27_one_address_inside_among_public_ones_is_enough_to_go_nowhere() {
    let (good, at_good) = receiver(Ipv4Addr::new(127, 0, 0, 3), NO_CONTENT).await;
    let inside = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), good.port());
    for answer in
        [vec![good, inside], vec![inside, good], vec![inside], vec!["[::ffff:127.0.0.3]:1".parse().unwrap()]]
    {
        let outbound = sender(Script::new([answer]), vec![good]);
        assert_eq!(post(&outbound, &target(good.port())).await, Err(OutboundError::Refused));
    }
    let outbound = sender(Script::new([Vec::new()]), vec![good]);
    assert_eq!(post(&outbound, &target(good.port())).await, Err(OutboundError::Unresolved));
    assert_eq!(seen(&at_good), 0);
}

#[tokio::test]
async fn v27_a_redirect_is_an_answer_and_nothing_is_followed() {
    let (inside, at_inside) = receiver(Ipv4Addr::LOCALHOST, NO_CONTENT).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!(
            "HTTP/1.1 {status}\r\nlocation: http://{inside}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let (good, _) = receiver(Ipv4Addr::new(127, 0, 0, 4), location.leak()).await;
        let outbound = sender(Script::new([vec![good]]), vec![good]);
        let expected: u16 = status[..3].parse().unwrap();
        assert_eq!(post(&outbound, &target(good.port())).await, Ok(expected));
    }
    assert_eq!(seen(&at_inside), 0);
}

#[tokio::test]
async fn v27_the_port_is_the_targets_whatever_a_resolver_says() {
    let (good, _) = receiver(Ipv4Addr::new(127, 0, 0, 5), NO_CONTENT).await;
    let elsewhere = SocketAddr::new(good.ip(), 22);
    let outbound = sender(Script::new([vec![elsewhere]]), vec![good]);
    assert_eq!(post(&outbound, &target(good.port())).await, Ok(204));
}

#[tokio::test]
async fn v27_of_an_answer_without_end_nothing_is_read_but_its_status() {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nsecrets of another machine";
    let (good, _) = receiver(Ipv4Addr::new(127, 0, 0, 6), endless).await;
    let outbound = sender(Script::new([vec![good]]), vec![good]);
    assert_eq!(post(&outbound, &target(good.port())).await, Ok(200));
    let silent = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 6).into(), 9);
    let outbound = sender(Script::new([vec![silent]]), vec![silent]);
    assert_eq!(post(&outbound, &target(9)).await, Err(OutboundError::Unreachable));
}

#[test]
fn v27_hostile_addresses_are_refused_by_their_text() {
    let outbound = sender(Script::new([Vec::new()]), Vec::new());
    for hostile in HOSTILE.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(outbound.target(hostile).is_err(), "{hostile}");
    }
    assert!(outbound.target("").is_err());
    assert!(outbound.target(&format!("https://example.org/{}", "a".repeat(1_000))).is_err());
    for good in [
        "https://example.org",
        "https://hooks.example.org:8443/a?b=c",
        "https://1.1.1.1/x",
        "https://[2606:4700::1111]/",
    ] {
        assert!(outbound.target(good).is_ok(), "{good}");
    }
}

/// What is kept of a URL is what is sent to, and is read again at each sending.
#[test]
fn what_a_url_is_printed_as_is_as_short_as_it_has_to_be() {
    let outbound = sender(Script::new([Vec::new()]), Vec::new());
    let with_query = |query: String| outbound.target(&format!("https://example.org?{query}"));
    // A slash is put in front of the query.
    assert_eq!(with_query("a".repeat(979)).unwrap().as_str().len(), 1_000);
    assert_eq!(with_query("a".repeat(980)), Err(NotATarget::Form));
    // Three characters for each.
    assert!(with_query("'".repeat(320)).is_ok());
    assert_eq!(with_query("'".repeat(330)), Err(NotATarget::Form));
}

proptest! {
    #[test]
    fn a_url_that_is_taken_is_public_encrypted_and_taken_again_as_it_is(
        url in prop_oneof![
            "(https|http|HTTPS|ftp)?:?/{0,3}(user@)?([a-zA-Z0-9%-]{1,8}\\.?){1,3}(:[0-9]{1,5})?([/?#][!-~]{0,12})?",
            "(https|HTTPS)://[a-zA-Z]{1,8}\\.[a-zA-Z]{1,8}\\.?(:8443|:443)?([/?][!-~]{0,12})?",
            "https://[0-9a-fx.]{1,16}/",
            "https://\\[[0-9a-f:.]{2,20}\\]/",
            ".{0,40}",
        ],
    ) {
        let outbound = sender(Script::new([Vec::new()]), Vec::new());
        if let Ok(target) = outbound.target(&url) {
            prop_assert!(target.is_encrypted() && [443, 8443].contains(&target.port()));
            prop_assert!(target.as_str().len() <= 1_000 && target.as_str().starts_with("https://"));
            let host = target.host().trim_matches(['[', ']']);
            prop_assert!(host.contains(['.', ':']) && host.parse::<IpAddr>().ok().is_none_or(is_public));
            // The name stands in the text as the connection will be made to it.
            let written = url[8..].to_ascii_lowercase();
            prop_assert!(written.starts_with(target.host()));
            prop_assert_eq!(outbound.target(target.as_str()), Ok(target.clone()));
        }
    }

    #[test]
    fn plain_urls_are_taken_and_sent_to_as_they_are(
        host in "[a-z]{1,8}\\.[a-z]{1,8}\\.(com|org|example)",
        port in "(:8443)?",
        path in "(/[a-z0-9_.~-]{1,8}){1,3}(\\?[a-z]{1,4}=[a-z0-9]{0,8})?",
    ) {
        let outbound = sender(Script::new([Vec::new()]), Vec::new());
        let url = format!("https://{host}{port}{path}");
        let target = outbound.target(&url).unwrap();
        prop_assert_eq!(target.host(), host);
        prop_assert!(target.as_str() == url || path.split(['/', '?']).any(|part| part == "." || part == ".."));
    }
}

#[test]
fn only_what_is_exempt_may_be_spoken_to_in_the_open() {
    let mut environment =
        Environment::from_variables([("OUTBOUND_EXEMPT_ADDRESSES".to_owned(), "127.0.0.1:4000".to_owned())]);
    let outbound = Outbound::read(&mut environment, Clock::system());
    environment.finish().unwrap();
    assert!(outbound.target("http://127.0.0.1:4000/in").is_ok());
    for other in [
        "http://127.0.0.1:4001/in",
        "http://127.0.0.2:4000/in",
        "http://example.org:4000/",
        "http://localhost:4000/",
    ] {
        assert!(outbound.target(other).is_err(), "{other}");
    }
    let mut environment =
        Environment::from_variables([("OUTBOUND_EXEMPT_ADDRESSES".to_owned(), "localhost".to_owned())]);
    Outbound::read(&mut environment, Clock::system());
    assert!(environment.finish().unwrap_err().to_string().contains("OUTBOUND_EXEMPT_ADDRESSES"));
}

const HOSTILE: &str = r"
    http://example.org/
    ftp://example.org/
    file:///etc/passwd
    gopher://example.org/
    javascript:alert(1)
    //example.org/
    https:example.org
    https:/example.org
    https:///example.org/
    https:////example.org/
    https:example.org://
    https:example.org/://
    https:\\example.org
    https://
    https:///in
    https://user@example.org/
    https://user:password@example.org/
    https://example.org@127.0.0.1/
    https://127.0.0.1@example.org/
    https://example.org/#fragment
    https://example.org:22/
    https://example.org:80/
    https://example.org:6379/
    https://example.org:18101/
    https://example.org:0/
    https://example.org:99999/
    https://localhost/
    https://localhost./
    https://LOCALHOST/
    https://app.localhost/
    https://db.internal/
    https://metadata.google.internal/computeMetadata/v1/
    https://printer.local/
    https://router.lan/
    https://router.home.arpa/
    https://postgres/
    https://auth:8443/
    https://127.0.0.1/
    https://127.1/
    https://127.0.1/
    https://0x7f.1/
    https://0x01010101/
    https://16843009/
    https://1.1/
    https://%65xample.org/
    https://example%2eorg/
    https://0x7f000001/
    https://2130706433/
    https://017700000001/
    https://0177.0.0.1/
    https://0/
    https://0.0.0.0/
    https://10.0.0.1/
    https://172.16.0.1/
    https://192.168.0.1/
    https://100.64.0.1/
    https://169.254.169.254/latest/meta-data/
    https://0xa9fea9fe/
    https://224.0.0.1/
    https://255.255.255.255/
    https://[::1]/
    https://[::]/
    https://[::ffff:127.0.0.1]/
    https://[::ffff:7f00:1]/
    https://[::127.0.0.1]/
    https://[0:0:0:0:0:0:0:1]/
    https://[64:ff9b::7f00:1]/
    https://[fe80::1]/
    https://[fe80::1%25eth0]/
    https://[fc00::1]/
    https://[fd00:ec2::254]/
    https://[ff02::1]/
    https://[2002:7f00:1::]/
    https://127。0。0。1/
    https://①②⑦.0.0.1/
    https://exam%00ple.org/
    https://127.0.0.1%2f@example.org/
    https://example.org\@127.0.0.1/
    https://exa mple.org/
    https://example..org/..
    https://./
    https://*.example.org:443:80/
";
