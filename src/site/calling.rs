//! Which of the tenant's numbers a call that leaves the house shows.
//! Owns the rules and what each chooses. Leaves whose rule holds, and remembering what was shown last, to the tenant machine.

use crate::base::Rng;

/// A rule of an agent, a group or the tenant. All its numbers are the tenant's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallingNumber {
    Fixed(String),
    /// The longest beginning of the called number that stands here, and what is shown then; `+` is every number.
    ByRegion(Vec<(String, String)>),
    /// Each as likely as the next.
    Random(Vec<String>),
    /// One after the other.
    Rotate(Vec<String>),
}

impl CallingNumber {
    /// The number to show to `called`, both with `+`. `last` is what a rotation showed last. `None`: no rule for this region.
    pub fn choose(&self, called: &str, last: Option<&str>, rng: &mut Rng) -> Option<&str> {
        let candidates = self.candidates(called, last);
        let at = match self {
            Self::Fixed(_) | Self::ByRegion(_) | Self::Rotate(_) => 0,
            Self::Random(numbers) => usize::try_from(rng.below(numbers.len().max(1) as u64)).ok()?,
        };
        candidates.get(at).copied()
    }

    /// The numbers of which one is shown to `called`; of a rotation all, the next one first. None: no rule for this region.
    pub fn candidates(&self, called: &str, last: Option<&str>) -> Vec<&str> {
        match self {
            Self::Fixed(number) => vec![number],
            Self::ByRegion(regions) => {
                let fits = regions.iter().filter(|(beginning, _)| called.starts_with(beginning.as_str()));
                let longest = fits.max_by_key(|(beginning, _)| beginning.len());
                longest.into_iter().map(|(_, number)| number.as_str()).collect()
            }
            Self::Random(numbers) => numbers.iter().map(String::as_str).collect(),
            Self::Rotate(numbers) => {
                let shown = last.and_then(|last| numbers.iter().position(|number| number == last));
                let (before, next) = numbers.split_at(shown.map_or(0, |at| at + 1));
                next.iter().chain(before).map(String::as_str).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_chooses() {
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let regions = |pairs: &[(&str, &str)]| {
            CallingNumber::ByRegion(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
        };
        let three = CallingNumber::Rotate(texts(&["+1", "+2", "+3"]));
        let some = regions(&[("+86", "+1"), ("+8610", "+2")]);
        let all = regions(&[("+8610", "+2"), ("+", "+3")]);
        // the rule, the called number, what was shown last, what is shown
        let rows = [
            (&CallingNumber::Fixed("+9".to_owned()), "+861", None, Some("+9")),
            (&some, "+861012345678", None, Some("+2")),
            (&some, "+862112345678", None, Some("+1")),
            (&some, "+44207", None, None),
            (&all, "+44207", None, Some("+3")),
            (&all, "+86101", None, Some("+2")),
            (&three, "+861", None, Some("+1")),
            (&three, "+861", Some("+1"), Some("+2")),
            (&three, "+861", Some("+3"), Some("+1")),
            // it was taken out of the list
            (&three, "+861", Some("+7"), Some("+1")),
        ];
        for (rule, called, last, expected) in rows {
            assert_eq!(rule.choose(called, last, &mut Rng::from_number(1)), expected, "{rule:?} {called} {last:?}");
        }
        let random = CallingNumber::Random(texts(&["+1", "+2"]));
        let mut rng = Rng::from_number(1);
        let shown: Vec<_> = (0..32).filter_map(|_| random.choose("+86", None, &mut rng)).collect();
        assert!(shown.contains(&"+1") && shown.contains(&"+2") && shown.len() == 32, "{shown:?}");
    }
}
