"""What every training needs: seeds, checkpoints, model files, curves."""
