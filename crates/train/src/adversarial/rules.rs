//! Recipes that can't be, and why: values out of range, and what theory forbids.

use super::recipe::{Adversarial, Player, Recipe, Remedies};
use crate::recipe::validate::{not_negative, out_of_range, positive, share, valid_name, within};
use crate::schedule::Decay;
use simurgh_data::InputError;
use simurgh_nn::adversarial::{BatchNorm, NetworkKind, ObjectiveKind, PenaltyKind};

/// # Errors
/// The first value out of range, or the first combination that theory forbids.
pub(super) fn check(recipe: &Recipe) -> Result<(), InputError> {
    valid_name(&recipe.name)?;
    let (data, game, t) = (&recipe.data, &recipe.adversarial, &recipe.train);
    match (data.mixture, data.images.as_os_str().is_empty()) {
        (None, true) => {
            let expected = "a folder of pictures, e.g. --set data.images=photos, or data.mixture";
            return Err(out_of_range("data.images", expected, "nothing"));
        }
        (Some(_), false) => {
            let expected = "nothing beside data.mixture";
            return Err(out_of_range("data.images", expected, data.images.display()));
        }
        _ => {}
    }
    within("data.size", data.size, 4, 1024)?;
    if ![1, 3].contains(&data.channels) {
        return Err(out_of_range("data.channels", "1 (grey) or 3 (colours)", data.channels));
    }
    share("data.held_out", data.held_out)?;
    if ![1, 3].contains(&data.stack) {
        return Err(out_of_range("data.stack", "1, or 3 for a picture a colour", data.stack));
    }
    if let Some((key, expected, got)) = recipe.model.problem() {
        return Err(out_of_range(&format!("model.{key}"), &expected, got));
    }
    within("train.steps", t.steps as usize, 1, 1_000_000_000)?;
    for (key, value) in [
        ("train.batch", t.batch),
        ("train.accumulate", t.accumulate),
        ("train.eval_every", t.eval_every as usize),
        ("train.eval_samples", t.eval_samples),
        ("train.checkpoint_every", t.checkpoint_every as usize),
        ("train.log_every", t.log_every as usize),
    ] {
        within(key, value, 1, 10_000_000)?;
    }
    if t.decay == Decay::Plateau {
        let expected = "\"constant\", \"inverse-sqrt\" or \"cosine\": no score says when a game stands still";
        return Err(out_of_range("train.decay", expected, "\"plateau\""));
    }
    player(&t.generator, "generator")?;
    player(&t.discriminator, "discriminator")?;
    share("ema.decay", recipe.ema.decay)?;
    if recipe.model.network != NetworkKind::Mlp && data.mixture.is_some() {
        let expected = "\"mlp\" for points: convolutions are for pictures";
        return Err(out_of_range("model.network", expected, "another"));
    }
    if recipe.model.batch_norm == BatchNorm::Both && game.penalty.iter().any(|p| p.weight > 0.0) {
        let expected = "\"generator\" or \"none\" with a penalty of the discriminator's slope";
        let why = "a discriminator that is normalised over the batch has no slope at a sample of its own: its logit depends on the \
                       others (Gulrajani et al. 2017, section 4); leave out one of the two";
        return Err(InputError::new(expected, "\"both\"", why).field("model.batch_norm"));
    }
    of_game(game, t.batch)
}

fn player(player: &Player, table: &str) -> Result<(), InputError> {
    let key = |name: &str| format!("train.{table}.{name}");
    positive(&key("learning_rate"), player.learning_rate)?;
    positive(&key("epsilon"), player.epsilon)?;
    for (name, value) in [("beta1", player.beta1), ("beta2", player.beta2), ("momentum", player.momentum)] {
        share(&key(name), value)?;
    }
    not_negative(&key("weight_decay"), player.weight_decay)?;
    not_negative(&key("clip_norm"), player.clip_norm)?;
    within(&key("steps_per_update"), player.steps_per_update as usize, 1, 1000)
}

/// What theory forbids, among others.
fn of_game(game: &Adversarial, batch: usize) -> Result<(), InputError> {
    let Remedies { pack, instance_noise, anneal, spectral_norm, clip_weights, .. } = game.remedies;
    within("adversarial.remedies.pack", pack, 1, 64)?;
    if !batch.is_multiple_of(pack) {
        return Err(out_of_range("train.batch", &format!("a multiple of pack = {pack}"), batch));
    }
    not_negative("adversarial.remedies.instance_noise", instance_noise)?;
    if !(0.0..=1.0).contains(&anneal) {
        return Err(out_of_range("adversarial.remedies.anneal", "0 to 1", anneal));
    }
    not_negative("adversarial.remedies.clip_weights", clip_weights)?;
    for (k, penalty) in game.penalty.iter().enumerate() {
        let key = format!("adversarial.penalty[{k}]");
        not_negative(&format!("{key}.weight"), penalty.weight)?;
        if game.penalty[..k].iter().any(|other| other.kind == penalty.kind) {
            return Err(out_of_range(&key, "each kind once", "one twice"));
        }
    }
    let forbidden = |field: &str, expected: &str, why: &str| Err(InputError::new(expected, "both", why).field(field));
    let penalises = |kind: PenaltyKind| game.penalty.iter().any(|p| p.kind == kind && p.weight > 0.0);
    if clip_weights > 0.0 && !game.penalty.is_empty() {
        let why = "both bound the discriminator's slope: clipping keeps it from the slope that a penalty asks for; leave one out";
        return forbidden("adversarial.remedies.clip_weights", "clipping or penalties of the slope, not both", why);
    }
    if clip_weights > 0.0 && spectral_norm {
        let why =
            "a weight over its largest singular value does not change with its size, so clipping does nothing but harm";
        return forbidden("adversarial.remedies.clip_weights", "clipping or spectral_norm, not both", why);
    }
    if spectral_norm && penalises(PenaltyKind::GradientPenalty) {
        let why =
            "spectral_norm keeps the slope at or below 1 and gradient-penalty asks for 1 everywhere: leave one out";
        return forbidden("adversarial.remedies.spectral_norm", "spectral_norm or a gradient-penalty, not both", why);
    }
    let bounded = clip_weights > 0.0 || spectral_norm || game.penalty.iter().any(|p| p.weight > 0.0);
    if game.objective == ObjectiveKind::Wasserstein && !bounded {
        let expected = "with \"wasserstein\": a gradient-penalty, clip_weights or spectral_norm";
        let why = "the difference of means has no bound unless the discriminator's slope has: add [[adversarial.penalty]] kind = \"gradient-penalty\", weight = 10";
        return Err(InputError::new(expected, "none of them", why).field("adversarial.objective"));
    }
    Ok(())
}
