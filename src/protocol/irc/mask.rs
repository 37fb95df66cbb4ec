//! Masks: names with `*` for any characters and `?` for any one.

/// One, without regard to case.
#[derive(Debug)]
pub struct Mask(Vec<char>);

impl Mask {
    /// The mask as it was sent.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut mask: Vec<char> = lower(text).collect();
        mask.dedup_by(|c, before| *c == '*' && *before == '*');
        Self(mask)
    }

    /// Whether `name` is as the mask has it. Takes steps as `name` is long, squared, at most.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let mask = &self.0;
        let (mut at, mut rest) = (0, lower(name));
        // Behind the last star, and what of the name it has not swallowed.
        let mut star = None;
        loop {
            if mask.get(at) == Some(&'*') {
                at += 1;
                star = Some((at, rest.clone()));
                continue;
            }
            match (rest.next(), mask.get(at)) {
                (None, None) => return true,
                (None, Some(_)) => return false,
                (Some(c), Some(m)) if *m == '?' || *m == c => at += 1,
                (Some(_), _) => match &mut star {
                    None => return false,
                    Some((behind, left)) => {
                        left.next();
                        (at, rest) = (*behind, left.clone());
                    }
                },
            }
        }
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> + Clone {
    text.chars().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_fit_what_they_say() {
        for (mask, name, fits) in [
            ("ann", "ANN", true),
            ("ann", "anna", false),
            ("a*", "ann", true),
            ("*", "", true),
            ("", "a", false),
            ("*n", "ann", true),
            ("*a*n*", "xxaxn", true),
            ("a?n", "ann", true),
            ("a?n", "an", false),
            ("*?n", "nn", true),
            ("*ab", "aab", true),
            ("*ab", "aba", false),
            ("\u{c4}*", "\u{e4}nne", true),
            ("**b", "abab", true),
        ] {
            assert_eq!(Mask::new(mask).fits(name), fits, "{mask} {name}");
        }
    }
}
