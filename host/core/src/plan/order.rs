//! The order in which steps can run, found in one walk over their dependencies.

use alloc::{vec, vec::Vec};

use super::index::StepIx;

/// Steps in an order in which each comes after all that it depends on.
#[derive(Debug)]
pub(super) struct Order {
    /// Those that can run at all: what waits for itself, by way of others, is left out, and so is what waits for that.
    pub(super) steps: Vec<usize>,
}

impl Order {
    /// A step that depends on itself does not wait for that.
    pub(super) fn of(depends_on: &[Vec<StepIx>]) -> Self {
        Self::walk(depends_on).0
    }

    /// The order, and how often a dependency was looked at.
    fn walk(depends_on: &[Vec<StepIx>]) -> (Self, usize) {
        let mut dependents = vec![Vec::new(); depends_on.len()];
        let mut waits_for = vec![0_usize; depends_on.len()];
        let mut looked_at = 0;
        for (step, dependencies) in depends_on.iter().enumerate() {
            for dependency in dependencies.iter().filter(|dependency| dependency.0 != step) {
                looked_at += 1;
                dependents[dependency.0].push(step);
                waits_for[step] += 1;
            }
        }
        let mut steps: Vec<usize> = (0..depends_on.len()).filter(|step| waits_for[*step] == 0).collect();
        let mut next = 0;
        while let Some(step) = steps.get(next) {
            next += 1;
            for dependent in &dependents[*step] {
                looked_at += 1;
                waits_for[*dependent] -= 1;
            }
            let free = dependents[*step].iter().copied().filter(|dependent| waits_for[*dependent] == 0);
            let free: Vec<usize> = free.collect();
            steps.extend(free);
        }
        (Self { steps }, looked_at)
    }

    /// The longest way from a root to each step.
    pub(super) fn layers(&self, depends_on: &[Vec<StepIx>]) -> Vec<usize> {
        let mut layers = vec![0; depends_on.len()];
        for step in &self.steps {
            layers[*step] = depends_on[*step].iter().map(|d| layers[d.0] + 1).max().unwrap_or(0);
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X5: each of a thousand steps depends on all that are declared after it, the worst order for going round.
    #[test]
    fn each_dependency_is_looked_at_twice() {
        let count = 1_000;
        let depends_on: Vec<Vec<StepIx>> = (0..count).map(|step| (step + 1..count).map(StepIx).collect()).collect();
        let (order, looked_at) = Order::walk(&depends_on);
        assert_eq!(order.steps, (0..count).rev().collect::<Vec<_>>());
        assert_eq!(looked_at, count * (count - 1));
        assert_eq!(order.layers(&depends_on), (0..count).rev().collect::<Vec<_>>());
    }

    #[test]
    fn what_waits_for_itself_is_left_out() {
        let depends_on = [&[][..], &[0, 3], &[1], &[2], &[4, 0]];
        let depends_on: Vec<Vec<StepIx>> =
            depends_on.iter().map(|of| of.iter().copied().map(StepIx).collect()).collect();
        assert_eq!(Order::of(&depends_on).steps, [0, 4]);
    }
}
