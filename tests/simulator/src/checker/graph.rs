//! The definition, as the checker reads it.

use std::collections::BTreeMap;

use wasaga_core::RetryPolicy;
use wasaga_core::definition::{CompensationPolicy, Retry, Source, Step};

use crate::scenario::Scenario;

/// What was asked for, resolved in the checker's own way.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) steps: BTreeMap<&'a str, Node<'a>>,
    pub(crate) concurrency: usize,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) step: &'a Step,
    pub(crate) needs: Vec<&'a str>,
    pub(crate) layer: usize,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(scenario: &'a Scenario) -> Self {
        let mut steps: BTreeMap<&str, Node<'_>> = BTreeMap::new();
        // A scenario's steps depend on earlier ones only.
        for step in &scenario.saga.steps {
            let bound = step.parameters.iter().map(|parameter| &parameter.source).chain(&step.each);
            let bound = bound.filter_map(|source| match source {
                Source::StepOutput { step, .. } => Some(step.as_str()),
                _ => None,
            });
            let mut needs: Vec<&str> = step.depends_on.iter().map(String::as_str).chain(bound).collect();
            needs.sort_unstable();
            needs.dedup();
            let layer = needs.iter().filter_map(|name| steps.get(name)).map(|node| node.layer + 1).max();
            steps.insert(&step.id, Node { step, needs, layer: layer.unwrap_or(0) });
        }
        let concurrency = scenario.saga.concurrency.map_or(usize::MAX, |cap| cap as usize);
        Self { scenario, steps, concurrency }
    }

    pub(crate) fn retry(&self, node: &str) -> RetryPolicy {
        self.steps.get(node).and_then(|node| node.step.limits.retry).map(whole).unwrap_or_default()
    }

    /// strict-sequential and grouped-parallel try once unless the compensation declares a policy.
    pub(crate) fn undo_retry(&self, node: &str, policy: CompensationPolicy) -> RetryPolicy {
        let declared = self.steps.get(node).and_then(|node| node.step.compensation.as_ref()?.limits.retry).map(whole);
        declared.unwrap_or_else(|| match policy {
            CompensationPolicy::StrictSequential | CompensationPolicy::GroupedParallel => {
                RetryPolicy { max_attempts: 1, ..RetryPolicy::default() }
            }
            _ => self.retry(node),
        })
    }

    /// What a condition comes to: none where it is in error.
    pub(crate) fn condition(&self, node: &str) -> Option<bool> {
        match self.steps.get(node)?.step.condition.as_deref() {
            None | Some("input.yes") => Some(true),
            Some("input.no") => Some(false),
            Some(_) => None,
        }
    }
}

/// A policy that is said whole, as all that are drawn are.
pub(crate) fn whole(retry: Retry) -> RetryPolicy {
    let said = (retry.max_attempts, retry.initial_delay, retry.max_delay, retry.multiplier, retry.jitter);
    let (Some(max_attempts), Some(initial_delay), Some(max_delay), Some(multiplier), Some(jitter)) = said else {
        panic!("a policy that was drawn leaves something out: {retry:?}");
    };
    RetryPolicy { max_attempts, initial_delay, max_delay, multiplier, jitter }
}
