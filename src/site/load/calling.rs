//! Reads the rules for the number that a call shows. Only numbers of the same file can be named.

use super::super::CallingNumber;
use super::Loader;
use crate::base::bounds::CALLING_NUMBERS;
use crate::config::{Fields, Item};

const RULES: [&str; 4] = ["fixed", "by_region", "random", "rotate"];

impl Loader<'_> {
    /// The key `calling_number` of an agent, a group or the site.
    pub(super) fn calling_number(&mut self, fields: &Fields) -> Option<CallingNumber> {
        let item = fields.get("calling_number")?;
        let fields = item.fields(&RULES, &mut self.problems)?;
        let named: Vec<(&str, Item)> = RULES.iter().filter_map(|rule| Some((*rule, fields.get(rule)?))).collect();
        let [(rule, numbers)] = &named[..] else {
            let message = format!("`{}` must say one of `fixed`, `by_region`, `random`, `rotate`", item.path);
            self.problems.add(item.at(), message, "write `{fixed: \"+864008001234\"}`, or another one of them");
            return None;
        };
        match *rule {
            "fixed" => self.own_number(numbers).map(CallingNumber::Fixed),
            "by_region" => self.regions(numbers).map(CallingNumber::ByRegion),
            "random" => self.own_numbers(numbers).map(CallingNumber::Random),
            _ => self.own_numbers(numbers).map(CallingNumber::Rotate),
        }
    }

    /// A public number that callers of this tenant reach, or that a trunk shows.
    fn own_number(&mut self, item: &Item) -> Option<String> {
        let number = self.dialable(item)?;
        let number = self.taken.shown.meet(item, "number", &number, &mut self.problems)?;
        if number.starts_with('+') {
            return Some(number);
        }
        let message = format!("`{}` is `{number}`, an internal number", item.path);
        self.problems.add(item.at(), message, "name a public one, with `+`: only those can be called back");
        None
    }

    fn own_numbers(&mut self, list: &Item) -> Option<Vec<String>> {
        let items = list.list(&mut self.problems);
        self.at_most_a_list(list, items.len())?;
        Some(items.iter().filter_map(|item| self.own_number(item)).collect())
    }

    fn regions(&mut self, item: &Item) -> Option<Vec<(String, String)>> {
        let named = item.named(&mut self.problems);
        self.at_most_a_list(item, named.len())?;
        let mut regions = Vec::new();
        for (key, item) in named {
            let digits = key.name.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
            if !digits {
                let message = format!("`{}` begins no public number", item.path);
                self.problems.add(
                    item.at(),
                    message,
                    "write the beginning of called numbers as `\"+8610\"`, or `\"+\"` for all",
                );
                continue;
            }
            regions.extend(self.own_number(&item).map(|number| (key.name.to_string(), number)));
        }
        Some(regions)
    }

    fn at_most_a_list(&mut self, item: &Item, length: usize) -> Option<()> {
        if (1..=CALLING_NUMBERS).contains(&length) {
            return Some(());
        }
        let message = format!("`{}` names {length} numbers", item.path);
        self.problems.add(item.at(), message, format!("name 1 to {CALLING_NUMBERS} of the file's numbers"));
        None
    }
}
