//! Puts what waited for each other into the order of cause and effect. Pure.

/// Returns the numbers `0..causes.len()`, each behind its causes, whatever their order was. Those that are each other's causes, directly
/// or not, stay together and in their order.
///
/// Tarjan's algorithm: it finds the groups that are each other's causes, a group's causes before the group. Without recursion,
/// because a chain may be as long as there are players.
pub(super) fn causes_first(causes: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let count = causes.len();
    let (mut number, mut lowest, mut is_open) = (vec![UNSEEN; count], vec![UNSEEN; count], vec![false; count]);
    let (mut next, mut open, mut order) = (0, Vec::new(), Vec::with_capacity(count));
    for start in 0..count {
        // The way from `start`: each step with how many of its causes have been looked at.
        let mut way = if number[start] == UNSEEN { vec![(start, 0)] } else { Vec::new() };
        while let Some((at, looked)) = way.last_mut() {
            let at = *at;
            if number[at] == UNSEEN {
                (number[at], lowest[at], is_open[at]) = (next, next, true);
                next += 1;
                open.push(at);
            }
            if let Some(&cause) = causes[at].get(*looked) {
                *looked += 1;
                if number[cause] == UNSEEN {
                    way.push((cause, 0));
                } else if is_open[cause] {
                    lowest[at] = lowest[at].min(number[cause]);
                }
                continue;
            }
            way.pop();
            if let Some(&(effect, _)) = way.last() {
                lowest[effect] = lowest[effect].min(lowest[at]);
            }
            if lowest[at] == number[at]
                && let Some(first) = open.iter().rposition(|one| *one == at)
            {
                let mut group = open.split_off(first);
                group.iter().for_each(|one| is_open[*one] = false);
                group.sort_unstable();
                order.extend(group);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(causes: &[&[usize]], expected: &[usize]) {
        let causes: Vec<Vec<usize>> = causes.iter().map(|causes| causes.to_vec()).collect();
        assert_eq!(causes_first(&causes), expected);
    }

    #[test]
    fn what_has_no_causes_stays_as_it_came() {
        check(&[], &[]);
        check(&[&[], &[0], &[0, 1]], &[0, 1, 2]);
    }

    #[test]
    fn causes_come_before_their_effects() {
        check(&[&[1], &[2], &[]], &[2, 1, 0]);
        check(&[&[2], &[2], &[3], &[]], &[3, 2, 0, 1]);
        check(&[&[], &[3], &[], &[2]], &[0, 2, 3, 1]);
    }

    #[test]
    fn those_that_are_each_others_causes_stay_together_as_they_came() {
        check(&[&[1], &[0]], &[0, 1]);
        // 0 has seen what 1 and 2 did, which changed places; those have seen 3.
        check(&[&[1], &[2], &[1, 3], &[]], &[3, 1, 2, 0]);
        check(&[&[2], &[0], &[1], &[1]], &[0, 1, 2, 3]);
    }

    #[test]
    fn a_long_chain_is_no_danger() {
        let causes: Vec<Vec<usize>> = (1..=100_000).map(|cause| vec![cause]).chain([Vec::new()]).collect();
        assert!(causes_first(&causes).iter().rev().copied().eq(0..=100_000));
    }
}
