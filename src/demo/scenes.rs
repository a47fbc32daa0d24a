//! The plot: five scenes, each with what must have come of it.
//! Tones tell the parties apart: each caller and agent has one of his own.

use serde_json::{Value, json};

use super::phone::Manner;
use super::stage::{Actor, Stage, say, seconds};
use crate::base::Span;
use crate::media::dsp;
use crate::media::phone::Voice;
use crate::media::sound::RATE;

/// Numbers of those who call from outside, by the demo's trunk.
pub const CALLERS: [&str; 3] = ["+8613800000001", "+8613800000002", "+8613800000003"];
/// What they say, in Hz.
pub const CALLER_TONES: [f64; 3] = [440.0, 560.0, 680.0];
pub const ANA_TONE: f64 = 1_000.0;
pub const BO_TONE: f64 = 1_300.0;

/// The least share of a tone in the power of what is heard while it is said.
const PURE: f64 = 0.9;

/// All scenes, in order.
///
/// # Errors
/// What went otherwise than it should, with the scene's number.
pub async fn play(stage: &mut Stage) -> Result<(), String> {
    let in_scene = |no: u32| move |why: String| format!("scene {no}: {why}");
    stage.ana.phone.say(Voice::Tone { hz: ANA_TONE });
    stage.bo.phone.say(Voice::Tone { hz: BO_TONE });
    menu_queue_talk(stage).await.map_err(in_scene(1))?;
    two_at_once(stage).await.map_err(in_scene(2))?;
    gives_up(stage).await.map_err(in_scene(3))?;
    among_agents(stage).await.map_err(in_scene(4))?;
    called_by_the_house(stage).await.map_err(in_scene(5))?;
    say("", "all scenes came to the end they should");
    Ok(())
}

fn title(no: u32, text: &str) {
    println!("\nScene {no}: {text}");
}

async fn menu_queue_talk(stage: &mut Stage) -> Result<(), String> {
    title(
        1,
        "a caller hears the menu, presses 1, waits with music; ana answers; they talk for 5 s; the caller hangs up",
    );
    let mark = stage.mark();
    stage.agent("bo", "not-ready").await?;
    stage.ana.phone.set_manner(Manner::Answer { after: Span::seconds(3) });
    let mut caller = stage.callers.remove(0);
    let played = talk_with_menu(stage, &mut caller, mark).await;
    stage.callers.insert(0, caller);
    let contact = played?;
    let record = stage.record(&contact).await?;
    expect(&record, "disposition", "answered")?;
    expect(&record, "ended_by", "customer")?;
    expect_agents(&record, &["ana"])?;
    stage.kind(mark, "agent_work_ended", "role", &json!("wrap-up")).await?;
    stage.agent("bo", "ready").await.map(drop)
}

async fn talk_with_menu(stage: &mut Stage, caller: &mut Actor, mark: usize) -> Result<Value, String> {
    caller.phone.call("9000");
    caller.talks().await?;
    seconds(3.5).await;
    hears_something(caller, "the welcome and the menu").await?;
    caller.phone.press("1");
    let item = stage.kind(mark, "item_entered", "visit", &json!(1)).await?;
    stage.kind(mark, "offer_alerting", "contact", &item["contact"]).await?;
    drop(caller.phone.heard().await);
    seconds(2.0).await;
    hears_something(caller, "music").await?;
    stage.ana.talks().await?;
    caller.phone.say(Voice::Tone { hz: CALLER_TONES[0] });
    talk(caller, CALLER_TONES[0], &stage.ana, ANA_TONE, 5.0).await?;
    caller.phone.hang_up();
    stage.ana.ends().await?;
    Ok(item["contact"].clone())
}

async fn two_at_once(stage: &mut Stage) -> Result<(), String> {
    title(2, "two callers at once; bo answers one, ana does not answer the other, who waits until bo is free");
    let mark = stage.mark();
    stage.ana.phone.set_manner(Manner::Ring);
    stage.bo.phone.set_manner(Manner::Answer { after: Span::seconds(1) });
    for index in [1, 2] {
        stage.callers[index].phone.say(Voice::Silence);
        stage.callers[index].phone.call("9000");
    }
    for index in [1, 2] {
        stage.callers[index].talks().await?;
    }
    seconds(1.0).await;
    stage.callers.iter().skip(1).for_each(|caller| caller.phone.press("1"));
    let first = talk_with_bo(stage, mark, &Value::Null).await?;
    stage.kind(mark, "offer_ended", "ending", &json!("rang-out")).await?;
    let second = talk_with_bo(stage, mark, &first).await?;
    for contact in [first, second] {
        let record = stage.record(&contact).await?;
        expect(&record, "disposition", "answered")?;
        expect_agents(&record, &["bo"])?;
    }
    stage.kind(mark, "agent_wish", "reason", &json!("rang-out")).await.map(drop)
}

/// The talk of bo with whoever is connected to him and is not `other`. The contact.
async fn talk_with_bo(stage: &mut Stage, mark: usize, other: &Value) -> Result<Value, String> {
    stage.bo.talks().await?;
    let fits = |event: &Value| event["kind"] == "offer_connected" && event["contact"] != *other;
    let contact = stage.event(mark, "bo is connected", fits).await?["contact"].clone();
    let opened = stage.kind(mark, "contact_opened", "contact", &contact).await?;
    let from = opened["data"]["from"].clone();
    let index = CALLERS.iter().position(|number| from == *number).ok_or("a contact of nobody's")?;
    let caller = &stage.callers[index];
    caller.phone.say(Voice::Tone { hz: CALLER_TONES[index] });
    talk(caller, CALLER_TONES[index], &stage.bo, BO_TONE, 4.0).await?;
    caller.phone.hang_up();
    stage.bo.ends().await?;
    Ok(contact)
}

async fn gives_up(stage: &mut Stage) -> Result<(), String> {
    title(3, "nobody is free; the caller waits with music for a while and gives up");
    let mark = stage.mark();
    stage.agent("bo", "not-ready").await?;
    let caller = &mut stage.callers[2];
    caller.phone.say(Voice::Silence);
    caller.phone.call("9000");
    caller.talks().await?;
    caller.phone.press("1");
    let item = stage.kind(mark, "item_entered", "visit", &json!(1)).await?;
    let caller = &stage.callers[2];
    drop(caller.phone.heard().await);
    seconds(4.0).await;
    hears_something(caller, "music").await?;
    caller.phone.hang_up();
    stage.kind(mark, "item_left", "exit", &json!("caller-left")).await?;
    let record = stage.record(&item["contact"]).await?;
    expect(&record, "disposition", "abandoned-in-queue")?;
    expect_agents(&record, &[])
}

async fn among_agents(stage: &mut Stage) -> Result<(), String> {
    title(4, "ana calls bo at his extension; they talk for 4 s; ana hangs up");
    let mark = stage.mark();
    stage.bo.phone.set_manner(Manner::Answer { after: Span::seconds(1) });
    stage.ana.phone.call("1002");
    stage.ana.talks().await?;
    talk(&stage.ana, ANA_TONE, &stage.bo, BO_TONE, 4.0).await?;
    stage.ana.phone.hang_up();
    stage.bo.ends().await?;
    let closed = stage.kind(mark, "contact_closed", "disposition", &json!("answered")).await?;
    let opened = stage.kind(mark, "call_opened", "contact", &closed["contact"]).await?;
    expect(&opened["data"], "call_kind", "internal")
}

async fn called_by_the_house(stage: &mut Stage) -> Result<(), String> {
    title(5, "the API has a customer called; he presses 1; ana answers and hangs up first; the flow says goodbye");
    let mark = stage.mark();
    stage.ana.phone.set_manner(Manner::Answer { after: Span::seconds(1) });
    stage.agent("ana", "ready").await?;
    stage.callers[0].phone.say(Voice::Silence);
    let order = json!({ "to": "+8613800000009", "flow": "main", "data": { "order": "4711" } });
    let contact = stage.api.post("/v1/calls", &order).await?["contact"].take();
    stage.callers[0].talks().await?;
    seconds(1.0).await;
    stage.callers[0].phone.press("1");
    stage.ana.talks().await?;
    stage.kind(mark, "offer_connected", "contact", &contact).await?;
    stage.callers[0].phone.say(Voice::Tone { hz: CALLER_TONES[0] });
    talk(&stage.callers[0], CALLER_TONES[0], &stage.ana, ANA_TONE, 3.0).await?;
    stage.ana.phone.hang_up();
    stage.callers[0].phone.say(Voice::Silence);
    stage.callers[0].ends().await?;
    let record = stage.record(&contact).await?;
    expect(&record, "disposition", "answered")?;
    expect(&record, "ended_by", "flow")?;
    expect(&record["data"], "order", "4711")?;
    expect_agents(&record, &["ana"])
}

/// Both hear each other's tone, after half a second in which the house joins them.
async fn talk(one: &Actor, one_says: f64, other: &Actor, other_says: f64, length: f64) -> Result<(), String> {
    seconds(0.5).await;
    for actor in [one, other] {
        drop(actor.phone.heard().await);
    }
    seconds(length - 0.5).await;
    for (listener, hz) in [(one, other_says), (other, one_says)] {
        let heard = listener.phone.heard().await;
        let share = dsp::goertzel(&heard, RATE, hz);
        if share < PURE {
            let name = listener.name;
            let lasted = heard.len() as f64 / f64::from(RATE);
            return Err(format!("{name} should hear {hz} Hz: it is {:.0} % of {lasted:.1} s of sound", share * 100.0));
        }
    }
    let (one_name, other_name) = (one.name, other.name);
    say("", &format!("{one_name} hears {other_says} Hz, {other_name} hears {one_says} Hz"));
    Ok(())
}

async fn hears_something(actor: &Actor, what: &str) -> Result<(), String> {
    let level = dsp::rms(&actor.phone.heard().await);
    if level < 100.0 {
        return Err(format!("{} should hear {what}; the level is {level:.0}", actor.name));
    }
    say(actor.name, &format!("hears {what}, at {:.0} dB of full scale", 20.0 * (level / 32_768.0).log10()));
    Ok(())
}

fn expect(value: &Value, field: &str, expected: &str) -> Result<(), String> {
    match value[field] == expected {
        true => Ok(()),
        false => Err(format!("{field} should be {expected}, is {}", value[field])),
    }
}

fn expect_agents(record: &Value, expected: &[&str]) -> Result<(), String> {
    let agents: Vec<&str> =
        record["agents"].as_array().into_iter().flatten().filter_map(|a| a["id"].as_str()).collect();
    match agents == expected {
        true => Ok(()),
        false => Err(format!("who talked should be {expected:?}, is {agents:?}")),
    }
}
