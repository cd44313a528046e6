//! The section on requests: a saga whose one step sends a request to a server on loopback.

use wasaga_tests::server::Server;

use super::{Page, Place};
use crate::{guests, shell};

const IN_FLIGHT: u32 = 64;
/// Requests a second.
const MUST: u32 = 1_000;

/// Measures it and says so on the page.
pub(super) fn section(place: &Place, page: &mut Page, seconds: u32) -> anyhow::Result<()> {
    shell::step("requests of guests");
    let server = Server::ok("{}");
    let mut command = place.command(&guests::path("caller"), "memory:", IN_FLIGHT, seconds);
    let input = format!(r#"{{"url":"{}"}}"#, server.url("/"));
    let origin = format!("http:{}", server.url(""));
    command.args(["fetch", "--input", &input, "--grant", &origin, "--grant", "address:127.0.0.1"]);
    let figures = Place::figures(command)?;
    let number = |name: &str| figures.number(name);
    page.say(&format!(
        "\n## Requests\n\nA saga of one step that sends a request to a server on loopback, in Rust with a fresh instance a call, \
         {IN_FLIGHT} in flight: {:.0} requests a second over {} connections in all, p50 {:.1} ms, {:.0} µs of CPU each, the \
         server not counted. Not answered with success: {}. Must: {MUST} a second with connections used again.\n",
        number("per_second"),
        server.connections(),
        number("p50_us") / 1_000.0,
        number("cpu_us_per_transaction"),
        figures.whole("not_completed"),
    ))
}
