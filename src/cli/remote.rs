//! `cordboard apply` while a server runs on the data: the same words, through its API.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::files::Failure;
use crate::config::Settings;
use crate::demo::client::Client;

/// Where a token is looked for when none is named.
pub const TOKEN_VARIABLE: &str = "CORDBOARD_TOKEN";

/// Sends the file to the server and prints the difference it makes.
pub fn apply(
    settings: &Settings,
    tenant: &str,
    text: &str,
    dry_run: bool,
    token: Option<String>,
) -> Result<(), Failure> {
    let client = Client { server: address(settings)?, token: self::token(settings, token)?, tenant: tenant.to_owned() };
    let body = json!({ "site": text, "dry_run": dry_run });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format_args!("no threads: {error}"), "raise the limit"))?;
    let reply = runtime.block_on(client.put("/v1/site", &body)).map_err(|why| {
        Failure::new(format_args!("the running server refused it: {why}"), "mend what it names, or stop the server")
    })?;
    print!("{}", reply["difference"].as_str().unwrap_or_default());
    let made = reply["passwords"].as_object().into_iter().flatten();
    for (number, password) in made.filter_map(|(number, password)| Some((number, password.as_str()?))) {
        println!("password of {number}: {password}");
    }
    debug_assert!(reply["applied"] != Value::Null, "the server's own form");
    Ok(())
}

fn address(settings: &Settings) -> Result<SocketAddr, Failure> {
    let http = settings.http.first();
    let mut listen = http.map(|http| http.listen).ok_or_else(|| {
        Failure::new("a server uses the data and serves no API", "stop it, or give it an `[[http]]` entry")
    })?;
    if listen.ip().is_unspecified() {
        let own: std::net::IpAddr =
            if listen.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        listen.set_ip(own);
    }
    Ok(listen)
}

/// The one named, the one of the environment, or the first admin token of the settings.
fn token(settings: &Settings, named: Option<String>) -> Result<String, Failure> {
    let of_settings = || settings.http.iter().find_map(|http| http.token.as_ref()).map(|token| token.0.clone());
    named.or_else(|| std::env::var(TOKEN_VARIABLE).ok()).or_else(of_settings).ok_or_else(|| {
        let hint = format!("name an admin token: `--token TOKEN`, or {TOKEN_VARIABLE} in the environment");
        Failure::new("a server uses the data, and its API wants a token", hint)
    })
}
