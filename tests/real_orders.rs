//! What `--live` refuses, and that no key, secret or signature is in anything that the program writes, whatever an exchange answers.

use crate::{
    common::{Ended, Running, bot},
    venue::{Book, Venue},
};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

const KEY: &str = "kEy7made7up7for7this7test7kEy";
const SECRET: &str = "sEcret9made9up9for9this9test9sEcret";
const KEYS: [(&str, &str); 2] = [("BINANCE_API_KEY", KEY), ("BINANCE_API_SECRET", SECRET)];
const CONFIRMED: &str = "[live]\nconfirm = \"I accept real orders\"\n";
const BINANCE: &str = "[exchange]\nname = \"binance\"\n";

/// A folder with a `bot.toml`.
struct Desk(TempDir);

impl Desk {
    fn new(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bot.toml"), toml).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn start(&self, line: &str, env: &[(&str, &str)]) -> Running {
        let args: Vec<_> = line.split_whitespace().collect();
        Running::start(bot(&args).envs(env.iter().copied()).current_dir(self.path()))
    }

    fn run(&self, line: &str, env: &[(&str, &str)]) -> Ended {
        self.start(line, env).end()
    }

    /// Exit code 2, nothing on stdout, and this message.
    fn refused(&self, line: &str, env: &[(&str, &str)], want: &str) {
        let ended = self.run(line, env);
        assert_eq!((ended.code(), ended.stdout().as_str()), (Some(2), ""), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(want), "no `{want}` in: {}", ended.stderr);
        assert!(ended.stderr.lines().count() <= 3, "{}", ended.stderr);
    }
}

#[test]
fn without_an_exchange_words_keys_or_sense_there_are_no_real_orders() {
    let local = format!("{BINANCE}network = \"local\"\n");
    let confirm =
        "bot: --live: real orders are sent only where bot.toml says, under [live], confirm = \"I accept real orders\"";
    for (toml, line, env, want) in [
        (
            "",
            "--live",
            &KEYS[..],
            "bot: --live: no exchange is named; write name = \"binance\" under [exchange] in bot.toml",
        ),
        (BINANCE, "--live", &KEYS, confirm),
        ("", "--live --exchange binance", &KEYS, confirm),
        (&format!("{BINANCE}[live]\nconfirm = \"\""), "--live", &KEYS, confirm),
        (
            &format!("{BINANCE}[live]\nconfirm = \"yes\""),
            "--live",
            &KEYS,
            "bot.toml:4: `live.confirm` is \"yes\", but must be \"I accept real orders\", or \"\"",
        ),
        (
            &format!("{BINANCE}{CONFIRMED}"),
            "--live",
            &[],
            "bot: --live: no keys: set BINANCE_API_KEY and BINANCE_API_SECRET",
        ),
        (&format!("{BINANCE}{CONFIRMED}"), "--live --dry-run", &[], "bot: --live: no keys"),
        (&format!("{BINANCE}{CONFIRMED}"), "--live --auto-restart", &[], "bot: --live: no keys"),
        (
            &format!("{BINANCE}{CONFIRMED}"),
            "--live",
            &KEYS[..1],
            "bot: --live: the environment has a BINANCE_API_KEY and no BINANCE_API_SECRET; both are needed",
        ),
        (&format!("{BINANCE}{CONFIRMED}"), "--live --speed 2", &KEYS, "--speed: with an exchange the speed must be 1"),
        (&format!("{BINANCE}network = \"testnet\"\n{CONFIRMED}"), "--live --speed 2", &KEYS, "the speed must be 1"),
        (
            &format!("{local}{CONFIRMED}"),
            "--live --network mainnet",
            &KEYS,
            "names the network that orders go to; --network sends none to mainnet",
        ),
        (
            &format!("{local}{CONFIRMED}"),
            "--live --speed max",
            &KEYS,
            "--speed: with an exchange the speed must be a number",
        ),
        (
            &format!("{BINANCE}{CONFIRMED}[risk]\nleverage = 2.5\n"),
            "--live",
            &KEYS,
            "bot.toml:6: the exchange takes a whole risk.leverage, and it is 2.5",
        ),
        (&format!("{BINANCE}{CONFIRMED}"), "--live --fresh", &KEYS, "bot: --live: --fresh begins a new paper account"),
        (CONFIRMED, "--live --replay a.csv", &KEYS, "'--live' cannot be used with '--replay <FILE>...'"),
        (CONFIRMED, "--live --seed 1", &KEYS, "'--live' cannot be used with '--seed <N>'"),
        (CONFIRMED, "--live --paper", &KEYS, "'--live' cannot be used with '--paper'"),
    ] {
        Desk::new(toml).refused(line, env, want);
    }
}

#[test]
fn a_file_of_keys_must_be_its_owners_alone() {
    let desk = Desk::new(&format!(
        "{BINANCE}network = \"local\"\nrest_url = \"http://127.0.0.1:9\"\n{CONFIRMED}key_file = \"keys\"\n"
    ));
    let file = desk.path().join("keys");
    let write = |mode| {
        fs::write(&file, format!("BINANCE_API_KEY={KEY}\nBINANCE_API_SECRET={SECRET}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    desk.refused("--live", &[], "bot: --live: the file of keys keys can't be read: No such file");
    write(0o644);
    desk.refused("--live", &[], "bot: --live: others can read the file of keys keys (mode 0644): chmod 600 keys");
    desk.refused("flatten --network local", &[], "others can read the file of keys keys (mode 0644)");
    write(0o600);
    let ended = desk.run("--live --dry-run --data-dir d", &[]);
    assert_eq!(ended.code(), Some(1), "nobody answers at that address: {}", ended.stderr);
    assert!(ended.with("LIVE TRADING: an account without real money").next().is_some(), "{}", ended.stdout());
    for line in [
        "Leverage: 5, isolated",
        "A position: margin of 20 % of the equity",
        "A day: 5 trades; none after a loss of 2 %",
    ] {
        assert!(ended.with(line).next().is_some(), "{line}: {}", ended.stdout());
    }
}

#[test]
fn paper_and_real_money_never_share_a_directory() {
    let nobody = "rest_url = \"http://127.0.0.1:9\"\nws_url = \"ws://127.0.0.1:9\"\n";
    let desk = Desk::new(&format!("{BINANCE}network = \"local\"\n{nobody}{CONFIRMED}"));
    assert_eq!(desk.run("--paper --duration 0.5 --data-dir d", &[]).code(), Some(0));
    let want = "is a paper account, and this run would trade real money: neither goes on as the other";
    desk.refused("--live --duration 0.5 --data-dir d", &KEYS, want);
    assert_eq!(desk.run("--live --duration 0.5 --data-dir e", &KEYS).code(), Some(0));
    let want = "is at an exchange, with real money, and this run would trade on paper";
    desk.refused("--paper --duration 0.5 --data-dir e", &[], want);
    // where none is named, they are different ones
    let home = desk.path().join("state");
    let state = [KEYS[0], KEYS[1], ("STATE_DIRECTORY", home.to_str().unwrap())];
    assert_eq!(desk.run("--paper --duration 0.5", &state).code(), Some(0));
    // nor do an exchange's networks share one
    for (network, folder) in [("local", "live-local"), ("testnet", "live-testnet"), ("mainnet", "live")] {
        let toml = format!("{BINANCE}network = \"{network}\"\n{nobody}{CONFIRMED}");
        fs::write(desk.path().join("bot.toml"), toml).unwrap();
        assert_eq!(desk.run("--live --duration 0.5", &state).code(), Some(0), "{network}");
        assert!(home.join("smolbear.db").exists() && home.join(folder).join("smolbear.db").exists());
    }
    let said = |line: &str| desk.run(line, &state);
    for (line, network) in [
        ("status --live", "mainnet"),
        ("status --live --network testnet", "testnet"),
        ("status --live --network local", "local"),
    ] {
        let status = said(line);
        assert!(status.stdout().contains(&format!("Binance USD-M, {network} with real money")), "{}", status.stdout());
    }
    fs::remove_dir_all(home.join("live-testnet")).unwrap();
    for line in [
        "status --live --network testnet",
        "trades --live --network testnet",
        "backup --live --network testnet copy.db",
        "explain --live --network testnet --at 7d",
        "replay --live --network testnet",
    ] {
        let ended = said(line);
        assert!(ended.code() == Some(2) && ended.stderr.contains("state/live-testnet"), "{line}: {}", ended.stderr);
    }
    assert!(said("status --live --network moon").stderr.contains("but must be \"mainnet\""));
    assert!(said("replay --live --network local").stderr.contains("state/live-local"), "it has not begun to trade");
}

/// A server that has a way of answering for each request, and counts those of an account.
struct Server {
    at: SocketAddr,
    private: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// `answer`: of a request's head, the whole response; nothing: it hangs up.
    fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let (private, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, ends, answer) = (Arc::clone(&private), Arc::clone(&over), Arc::new(answer));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (counted, answer) = (Arc::clone(&counted), Arc::clone(&answer));
                thread::spawn(move || {
                    let mut connection = connection;
                    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                    while let Some(head) = head(&mut connection) {
                        if is_private(&head) {
                            counted.fetch_add(1, Ordering::SeqCst);
                        }
                        let answer = answer(&head);
                        if answer.is_empty() || connection.write_all(&answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { at, private, over }
    }

    fn toml(&self, network: &str) -> String {
        let at = self.at;
        format!("{BINANCE}network = \"{network}\"\nrest_url = \"http://{at}\"\nws_url = \"ws://{at}\"\n{CONFIRMED}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.at);
    }
}

fn is_private(request: &str) -> bool {
    request.to_lowercase().contains("x-mbx-apikey")
}

fn head(connection: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn response(status: &str, more: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n{body}", body.len()).into_bytes()
}

fn time() -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    response("200 OK", "", &format!("{{\"serverTime\":{now}}}"))
}

/// What an exchange answers that has no secrets to tell, by a real one's words.
fn harmless(venue: &str, request: &str) -> Vec<u8> {
    let target = request.split(' ').nth(1).unwrap_or("/");
    let mut socket = TcpStream::connect(venue).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {target} HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = head(&mut socket).unwrap();
    let length = answer.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    socket.read_exact(&mut body).unwrap();
    answer.push_str(std::str::from_utf8(&body).unwrap());
    answer.into_bytes()
}

/// What opens the way to further requests of the account.
fn truth(target: &str) -> Option<&'static str> {
    Some(match target.split('?').next()? {
        "/fapi/v1/listenKey" => "{\"listenKey\":\"aListenKey\"}",
        "/fapi/v1/accountConfig" => "{\"dualSidePosition\":false,\"multiAssetsMargin\":false,\"canTrade\":true}",
        "/fapi/v1/symbolConfig" => {
            "[{\"symbol\":\"BTCUSDT\",\"marginType\":\"CROSSED\",\"leverage\":20,\"maxNotionalValue\":\"1000\"}]"
        }
        "/fapi/v3/positionRisk" => {
            "[{\"symbol\":\"BTCUSDT\",\"positionSide\":\"BOTH\",\"positionAmt\":\"2\",\"entryPrice\":\"100\"}]"
        }
        "/fapi/v3/balance" | "/fapi/v1/openOrders" | "/fapi/v1/openAlgoOrders" | "/fapi/v1/userTrades" => "[]",
        _ => return None,
    })
}

/// For requests of an account every kind of answer that is none, each with all that was asked in it: worse than any exchange.
fn telltale(number: usize, request: &str) -> Vec<u8> {
    let line = request.lines().next().unwrap_or_default();
    let target = line.split(' ').nth(1).unwrap_or("/");
    if let Some(truth) = truth(target).filter(|_| !number.is_multiple_of(3)) {
        return response("200 OK", "", truth);
    }
    let shown = request.replace(['"', '\\'], "").replace("\r\n", " ");
    match number / 3 % 9 {
        0 => response("400 Bad Request", "", &format!("{{\"code\":-1102,\"msg\":\"Mandatory parameter: {shown}\"}}")),
        1 => response("401 Unauthorized", "", &format!("{{\"code\":-1022,\"msg\":\"{shown}\"}}")),
        2 => response("500 Oh", "Content-Type: text/html\r\n", &format!("<html><body>{target} {shown}</body></html>")),
        3 => response("302 Found", &format!("Location: {target}\r\n"), &shown),
        4 => response("200 OK", "", &shown),
        5 => response("503 Service Unavailable", "", &format!("{{\"code\":-1007,\"msg\":\"{shown}\"}}")),
        6 => format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{shown}").into_bytes(),
        7 => format!("{line} is no HTTP\r\n\r\n").into_bytes(),
        _ => Vec::new(),
    }
}

/// Everything that was written, in files below the folder.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
}

fn assert_hidden(what: &str, bytes: &[u8]) {
    for secret in [KEY, SECRET, "signature=", "aListenKey"] {
        let shows = bytes.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()));
        assert!(!shows, "{what} shows {secret}: {}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn nothing_that_is_written_shows_key_secret_or_signature() {
    let venue = Venue::open(Book::default());
    let address = venue.address.clone();
    let (posts, number) = (Arc::<AtomicUsize>::default(), AtomicUsize::new(0));
    let posted = Arc::clone(&posts);
    let server = Server::new(move |request| {
        let is_signed = request.contains("signature=");
        posted.fetch_add(usize::from(is_signed && request.starts_with("POST ")), Ordering::SeqCst);
        match is_private(request) {
            true => telltale(number.fetch_add(1, Ordering::SeqCst), request),
            false => harmless(&address, request),
        }
    });
    let toml = server.toml("local").replace(&format!("ws://{}", server.at), &format!("ws://{}", venue.address));
    let desk = Desk::new(&format!("{toml}[market]\nsymbols = [\"BTCUSDT\"]\n"));
    let loud =
        [KEYS[0], KEYS[1], ("RUST_LOG", "trace,ureq=trace,ureq::run=trace,ureq_proto::client=trace,rustls=trace")];
    let once = [
        "--live --duration 5 --data-dir d --out o --infinite",
        "doctor --with-order --network local",
        "flatten --network local --data-dir d",
        "--live --dry-run --data-dir d",
    ];
    // after some kinds of answers nothing more is asked for a while, so it begins anew until each was there
    for line in once.into_iter().chain(["--live --debug --duration 3 --data-dir d"; 12]) {
        let each = server.private.load(Ordering::SeqCst) > 27 && posts.load(Ordering::SeqCst) > 2;
        if each && !once.contains(&line) {
            break;
        }
        let before = server.private.load(Ordering::SeqCst);
        let ended = desk.run(line, &loud);
        let asked = server.private.load(Ordering::SeqCst) - before;
        assert!(asked >= 1, "{line}: {asked} requests with a key\n{}{}", ended.stdout(), ended.stderr);
        assert_hidden(&format!("stdout of {line}"), ended.stdout().as_bytes());
        assert_hidden(&format!("stderr of {line}"), ended.stderr.as_bytes());
    }
    let (asked, posted) = (server.private.load(Ordering::SeqCst), posts.load(Ordering::SeqCst));
    assert!(asked > 27 && posted > 2, "each kind of answer: {asked} requests, {posted} signed posts");
    let mut written = Vec::new();
    files(desk.path(), &mut written);
    assert!(
        written.iter().any(|(path, _)| path.ends_with("d/smolbear.db")),
        "{:?}",
        written.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    for (path, bytes) in written {
        assert_hidden(&path.display().to_string(), &bytes);
    }
}

#[test]
fn a_live_process_can_leave_no_core_file() {
    let server =
        Server::new(|head| if head.starts_with("GET /fapi/v1/time") { time() } else { response("404 No", "", "") });
    let desk = Desk::new(&server.toml("local"));
    let mut running = desk.start("--live --data-dir d", &KEYS);
    running.wait_for("Production trading loop active");
    // the kernel gives to root what may not be dumped
    let about = fs::metadata(format!("/proc/{}/environ", running.pid().as_raw_pid())).unwrap();
    assert_eq!(about.uid(), 0);
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn what_the_key_may_do_decides() {
    let rights = |withdraw: bool, futures: bool| {
        format!("{{\"ipRestrict\":false,\"enableWithdrawals\":{withdraw},\"enableFutures\":{futures}}}")
    };
    for (status, body, want) in [
        ("200 OK", rights(true, true), "bot: --live: this key may withdraw, so whoever steals it has the money"),
        ("200 OK", rights(false, false), "bot: --live: this key may not trade futures"),
        (
            "400 Bad Request",
            "{\"code\":-2015,\"msg\":\"Invalid API-key, IP, or permissions for action.\"}".to_owned(),
            "bot: --live: the exchange refuses this key: HTTP 400, -2015: Invalid API-key, IP, or permissions for action.",
        ),
    ] {
        let body = body.clone();
        let server = Server::new(move |head| {
            if head.starts_with("GET /sapi/v1/account/apiRestrictions?") { response(status, "", &body) } else { time() }
        });
        let ended = Desk::new(&server.toml("mainnet")).run("--live --data-dir d", &KEYS);
        assert!(ended.code() == Some(2) && ended.stderr.starts_with(want), "{}{}", ended.stdout(), ended.stderr);
    }
    // what is not known yet is said, and a good key passes with what is risky about it
    for (status, body, want) in [
        (
            "503 Service Unavailable",
            String::new(),
            "WARNING Key: what the key may do is not known yet (HTTP 503), and no position is opened before; asked again in 5 s",
        ),
        ("200 OK", rights(false, true), "WARNING Key: it works from every address"),
    ] {
        let server =
            Server::new(move |head| if head.starts_with("GET /sapi/") { response(status, "", &body) } else { time() });
        let ended = Desk::new(&server.toml("mainnet")).run("--live --data-dir d --duration 1", &KEYS);
        assert!(ended.with(want).next().is_some(), "{}{}", ended.stdout(), ended.stderr);
        assert!(ended.with("LIVE TRADING: real money, orders go to Binance USD-M, mainnet").next().is_some());
    }
}

#[test]
fn a_key_that_is_found_out_late_ends_the_run_then() {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let server = Server::new(move |head| match head.starts_with("GET /sapi/") {
        true if count.fetch_add(1, Ordering::SeqCst) == 0 => response("503 Service Unavailable", "", ""),
        true => response("200 OK", "", "{\"ipRestrict\":true,\"enableWithdrawals\":true,\"enableFutures\":true}"),
        false => time(),
    });
    let ended = Desk::new(&server.toml("mainnet")).run("--live --data-dir d", &KEYS);
    assert_eq!((ended.code(), asked.load(Ordering::SeqCst)), (Some(2), 2), "{}", ended.stdout());
    assert!(ended.stderr.starts_with("bot: --live: this key may withdraw"), "{}", ended.stderr);
    assert!(ended.with("Production trading loop active").next().is_some(), "{}", ended.stdout());
}

#[test]
fn a_dead_network_delays_no_start_and_says_what_is_waited_for() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections, and never a word
    let at = nobody.local_addr().unwrap();
    let toml =
        format!("{BINANCE}network = \"mainnet\"\nrest_url = \"http://{at}\"\nws_url = \"ws://{at}\"\n{CONFIRMED}");
    let desk = Desk::new(&toml);
    let mut running = desk.start("--live --data-dir d", &[&KEYS[..], &[("HEALTH_CHECK_INTERVAL", "1")]].concat());
    let active = running.wait_for("Production trading loop active").at;
    running.wait_for("Key: asking what it may do; no position is opened before that is known");
    running.wait_for("Heartbeat");
    running.wait_for("Key: what the key may do is not known yet (no answer: ");
    running.signal(rustix::process::Signal::TERM);
    let ended = running.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout());
    let known = ended.with("Key: what the key").next().unwrap().at;
    assert!(known - active > Duration::from_secs(5), "it did not wait for that: {:?}", known - active);
    assert!(ended.at - known < Duration::from_secs(5), "and ends when it is told to");
}
