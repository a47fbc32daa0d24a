//! `cordboard serve` and `cordboard demo`: starts the house, tells how to reach it, ends it on a signal.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::ServeArgs;
use super::files::Failure;
use super::house::{Addresses, House};
use crate::demo::DemoArgs;
use crate::event::words::Wire;

/// Tenants, HTTP and sockets; media and files have threads of their own.
const WORKERS: usize = 2;

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    built.map_err(|error| Failure::new(format_args!("no threads: {error}"), "raise the limit of processes"))
}

pub fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let as_told = runtime()?.block_on(async {
        let house = House::start(args).await?;
        print!("{}", welcome(&house.addresses));
        let (stop, stopped) = mpsc::channel(4);
        watch_signals(stop)?;
        Ok::<bool, Failure>(house.run(stopped).await)
    })?;
    if as_told { Ok(()) } else { Err(Failure::new("the disk is full and events could not be kept", "make space")) }
}

/// SIGTERM and Ctrl-C begin the drain; the second of them is its limit.
fn watch_signals(stop: mpsc::Sender<()>) -> Result<(), Failure> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(|error| Failure::new(error, "signals cannot be received"))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if stop.send(()).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}

pub fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let plan = crate::demo::prepare(args).map_err(|error| Failure::new(error, "`--data` names another folder"))?;
    let serve = ServeArgs {
        config: Some(plan.settings_file.clone()),
        site: Some(plan.site_file.clone()),
        data: Some(plan.data.clone()),
        trace_sip: None,
    };
    runtime()?.block_on(async {
        let house = House::start(&serve).await?;
        let (stop, stopped) = mpsc::channel(4);
        let recordings = house.addresses.recordings.clone();
        let running = tokio::spawn(house.run(stopped));
        let result = crate::demo::run(plan, &recordings).await;
        // Twice: what still runs after the last scene is ended.
        for _ in 0..2 {
            if stop.send(()).await.is_err() {
                break;
            }
        }
        running.await.map_err(|error| Failure::new(error, "report it: our bug"))?;
        result.map_err(|error| Failure::new(error, "report it with what was printed above"))
    })
}

/// How to register a phone and call.
fn welcome(at: &Addresses) -> String {
    let mut text = String::from("Cordboard serves\n");
    for (wire, address) in &at.sip {
        let wire = match wire {
            Wire::Udp => "UDP",
            Wire::Tcp => "TCP",
        };
        text.push_str(&format!("  SIP {wire}  {address}\n"));
    }
    for address in &at.http {
        text.push_str(&format!("  HTTP     http://{address}/docs\n"));
    }
    text.push_str(&format!("  recordings in {}\n", at.recordings.display()));
    if let Some(token) = &at.token {
        text.push_str(&format!("\nadmin token, shown this once: {token}\n"));
    }
    for (tenant, passwords) in &at.generated.passwords {
        text.push_str(&format!(
            "\npasswords of tenant {tenant}, shown this once (`cordboard export --passwords` repeats them):\n"
        ));
        for (number, password) in passwords {
            text.push_str(&format!("  {number}  {password}\n"));
        }
    }
    for site in &at.sites {
        let domain = site.domains.first().map_or("", String::as_str);
        let extension = site.extensions.values().next().map(|e| e.number.as_str());
        let number = site.numbers.values().next().map(|n| n.number.as_str());
        if let (Some(extension), Some(number)) = (extension, number) {
            text.push_str(&format!(
                "\ntenant {}: register a SIP phone as {extension} at {domain} with this host as its proxy, then call {number}\n",
                site.key
            ));
        }
    }
    text
}
