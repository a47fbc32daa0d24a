//! A room's rows become connections: who forwards to whom, who reads which player, what is summed, what is recorded.
//! The way that serves a row is chosen here and nowhere else.

use super::leg::Playing;
use super::mix;
use super::{Due, Engine, RoomKey};
use crate::base::{LegId, PlayerId, Time};
use crate::media::mixer::{Feed, Mixer, Wish};
use crate::media::recorder::Side;
use crate::media::words::Source;

/// The cheapest way that serves a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Nothing,
    /// Packets go on with a rewritten header, converted by table where the laws differ.
    Forward(LegId),
    Play(PlayerId),
    Mix,
}

/// A row of several in which only one is somebody else is a row of one.
fn way(sink: LegId, row: &[Source]) -> Way {
    let one = |source: Source| match source {
        Source::Leg(leg) => Way::Forward(leg),
        Source::Player(player) => Way::Play(player),
    };
    match row {
        [] => Way::Nothing,
        [source] => one(*source),
        several => {
            let mut others = several.iter().filter(|&&source| source != Source::Leg(sink));
            match (others.next(), others.next()) {
                (None, _) => Way::Nothing,
                (Some(source), None) => one(*source),
                (Some(_), Some(_)) => Way::Mix,
            }
        }
    }
}

impl Engine {
    /// Makes everybody in a room hear what the room's state says.
    pub(super) fn wire(&mut self, room: RoomKey, now: Time) {
        self.wire_sinks(room, now);
        self.wire_mixer(room, now);
        self.wire_taps(room);
    }

    fn wire_sinks(&mut self, room: RoomKey, now: Time) {
        let (tenant, _) = room;
        let Some(state) = self.rooms.get(&room) else { return };
        for &slot in &state.legs {
            if let Some(leg) = self.legs.get_mut(slot) {
                leg.sinks.clear();
            }
        }
        for &slot in &state.legs {
            let Some(id) = self.legs.get(slot).map(|leg| leg.spec.leg) else { continue };
            let way = way(id, state.rows.get(&id).map_or(&[], Vec::as_slice));
            let player = match way {
                Way::Forward(source) => {
                    let source = self.leg_slots.get(&source).copied().filter(|source| state.legs.contains(source));
                    if let Some(source) = source.and_then(|source| self.legs.get_mut(source)) {
                        source.sinks.push(slot);
                    }
                    None
                }
                Way::Play(player) => {
                    let slot = self.player_slots.get(&(tenant, player)).copied();
                    slot.and_then(|slot| self.players.get(slot)?.2.turn().map(|turn| (slot, turn)))
                }
                Way::Nothing | Way::Mix => None,
            };
            let Some(leg) = self.legs.get_mut(slot) else { continue };
            if leg.way != way {
                leg.stream.end_feed();
                leg.way = way;
            }
            if leg.playing.map(|playing| (playing.player, playing.turn)) != player
                || (player.is_some() && leg.playing.is_none())
            {
                leg.playing = player
                    .and_then(|(index, turn)| self.players.get(index).map(|(_, _, player)| (index, turn, player)))
                    .map(|(player, turn, state)| {
                        let position = state.position(now);
                        Playing { player, turn, position, sequence: 0, next: now }
                    });
                if leg.playing.is_some() {
                    leg.stream.end_feed();
                }
                self.agenda.set(Due::Play(slot), leg.playing.map(|playing| playing.next));
            }
        }
    }

    /// Makes the room's sums, or ends them; legs that are summed get a jitter buffer.
    fn wire_mixer(&mut self, room: RoomKey, now: Time) {
        let wishes = self.wishes(room);
        let Some(state) = self.rooms.get_mut(&room) else { return };
        match (wishes.is_empty(), state.mixer) {
            (true, None) => return,
            (true, Some(index)) => {
                state.mixer = None;
                self.mixers.remove(index);
                self.agenda.set(Due::Mix(index), None);
            }
            (false, None) => {
                let index = self.mixers.insert(Box::new(Mixer::new(now)));
                state.mixer = Some(index);
                if let Some(mixer) = self.mixers.get_mut(index) {
                    mixer.next = mix::first_tick(now, index);
                    self.agenda.set(Due::Mix(index), Some(mixer.next));
                }
            }
            (false, Some(_)) => {}
        }
        let mut mixer = state.mixer.and_then(|index| self.mixers.get_mut(index));
        if let Some(mixer) = mixer.as_mut() {
            mixer.plan(&wishes);
        }
        for &slot in &state.legs {
            let Some(leg) = self.legs.get_mut(slot) else { continue };
            let is_summed = mixer.as_ref().is_some_and(|mixer| mixer.has(Feed::Leg(slot)));
            if is_summed {
                leg.jitter.get_or_insert_default();
            } else if let Some(jitter) = leg.jitter.take() {
                self.counters.mixed_late += jitter.late();
                self.counters.mixed_lost += jitter.lost();
            }
            match leg.way {
                Way::Mix => {
                    leg.hearing.get_or_insert_default();
                }
                Way::Nothing | Way::Forward(_) | Way::Play(_) => leg.hearing = None,
            }
        }
    }

    /// The rows of a room that have to be summed.
    fn wishes(&self, room: RoomKey) -> Vec<Wish> {
        let (tenant, _) = room;
        let Some(state) = self.rooms.get(&room) else { return Vec::new() };
        let feed = |source: &Source| match source {
            Source::Leg(leg) => {
                self.leg_slots.get(leg).copied().filter(|slot| state.legs.contains(slot)).map(Feed::Leg)
            }
            Source::Player(player) => self.player_slots.get(&(tenant, *player)).copied().map(Feed::Player),
        };
        let mixed = state.legs.iter().filter_map(|&slot| self.legs.get(slot).map(|leg| (slot, leg)));
        mixed
            .filter(|(_, leg)| leg.way == Way::Mix)
            .map(|(sink, leg)| {
                let row = state.rows.get(&leg.spec.leg).map_or(&[][..], Vec::as_slice);
                Wish { sink, hears: row.iter().filter_map(feed).collect() }
            })
            .collect()
    }

    fn wire_taps(&mut self, room: RoomKey) {
        let Some(state) = self.rooms.get(&room) else { return };
        for &slot in &state.legs {
            if let Some(leg) = self.legs.get_mut(slot) {
                leg.tap = None;
            }
        }
        let Some((index, recorder)) = state.recorder.and_then(|index| self.recorders.get(index).map(|r| (index, r)))
        else {
            return;
        };
        let sides = [(&recorder.spec.left, Side::Left), (&recorder.spec.right, Side::Right)];
        for (source, side) in sides.into_iter().flat_map(|(sources, side)| sources.iter().map(move |s| (s, side))) {
            if let Source::Leg(leg) = source
                && let Some(slot) = self.leg_slots.get(leg).copied().filter(|slot| state.legs.contains(slot))
                && let Some(leg) = self.legs.get_mut(slot)
            {
                leg.tap = Some((index, side));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_way_is_taken() {
        let (me, a, player) = (LegId(1), Source::Leg(LegId(2)), Source::Player(PlayerId(3)));
        for (row, expected) in [
            (&[][..], Way::Nothing),
            (&[a], Way::Forward(LegId(2))),
            (&[player], Way::Play(PlayerId(3))),
            (&[Source::Leg(me)], Way::Forward(me)),
            (&[Source::Leg(me), a], Way::Forward(LegId(2))),
            (&[Source::Leg(me), player], Way::Play(PlayerId(3))),
            (&[a, player], Way::Mix),
            (&[Source::Leg(me), a, Source::Leg(LegId(4))], Way::Mix),
        ] {
            assert_eq!(way(me, row), expected, "{row:?}");
        }
    }
}
